"""The service's picture generator in this process, for training and for benchmarks."""

from collections.abc import Iterable

from shared.settings import Settings
from shared.writing.dictionaries import Dictionaries
from shared.writing.fonts import read_fonts
from shared.writing.imagery import Imagery
from worker.ai_image_generator import AIImageGenerator
from worker.conditioning import Conditioning
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.legibility.judge import LegibilityJudge
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.picture_work import PictureWork, ThreadExecutor
from worker.plan import ModelIdentity
from worker.prompt_builder import PromptBuilder


def make_generator(
    settings: Settings, imagery: Imagery, conditionings: Iterable[Conditioning], judge: LegibilityJudge
) -> AIImageGenerator:
    """Return a generator whose pictures a judge reads. The model is loaded for the first picture."""
    dictionaries, fonts = Dictionaries(), read_fonts(settings.fonts)
    glyphs = {language: GlyphRenderer(database, fonts) for language, database in dictionaries.written.items()}
    gpu = GPUManager(settings.device, settings.gpu_profiles)
    return AIImageGenerator(
        prompts=PromptBuilder(settings.styles, dictionaries, imagery),
        executor=ThreadExecutor(PictureWork(glyphs, imagery, conditionings, judge)),
        pipeline=MultiControlNetPipeline(lambda: load_model(settings, gpu)),
        model=ModelIdentity(settings.model, settings.active_model, settings.default_style),
    )
