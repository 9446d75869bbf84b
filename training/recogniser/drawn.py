"""Random words in pictures of the embedded model, cut up as the judge cuts them.

A finished picture has looks of its own: pale outlines around the ink, dots that are a little blurred, brushwork.
"""

import asyncio
from collections.abc import Container, Iterator

import numpy as np
from PIL import Image

from shared.errors import InvalidRequest
from shared.schemas.metadata import Legibility
from shared.settings import Settings
from shared.writing.dictionaries import Dictionaries
from shared.writing.fonts import read_fonts
from shared.writing.imagery import Imagery
from training.recogniser.words import Cut, scaled
from worker.ai_image_generator import AIImageGenerator
from worker.conditioning import make_conditionings
from worker.glyphs import Glyph, GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.legibility.judge import LegibilityJudge, crop
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.picture_work import PictureWork, ThreadExecutor
from worker.plan import ModelIdentity
from worker.prompt_builder import PromptBuilder


class CuttingJudge(LegibilityJudge):
    """Keeps the cuts of the last picture that it judged."""

    cuts: tuple[tuple[str, Cut], ...] = ()

    def judge(self, image: Image.Image, glyph: Glyph) -> Legibility:
        """Return how well the glyph's word can be read in the picture, and keep its characters with their cuts."""
        pixels = np.asarray(image.convert("RGB"))
        self.cuts = tuple((placed.character, scaled(crop(pixels, placed))) for placed in glyph.characters)
        return super().judge(image, glyph)


class DrawnWords:
    """An endless source of cuts (height, width, 3) from pictures of words."""

    def __init__(self, words: Iterator[tuple[str, Container[str]]], settings: Settings, seed: int) -> None:
        """Load the embedded model.

        Args:
            words: in the service's own fonts, each with the characters that are known.
            settings: the service's.
            seed: chooses the motifs, the styles and the noise.
        """
        dictionaries, self._imagery = Dictionaries(), Imagery()
        fonts = read_fonts(settings.fonts)
        glyphs = {language: GlyphRenderer(database, fonts) for language, database in dictionaries.items()}
        self._words, self._random, self._judge = words, np.random.default_rng(seed), CuttingJudge()
        conditionings = make_conditionings(settings.conditioning)
        gpu = GPUManager(settings.device, settings.gpu_profiles)
        self._styles = list(settings.styles)
        self._generator = AIImageGenerator(
            prompts=PromptBuilder(settings.styles, dictionaries, self._imagery),
            executor=ThreadExecutor(PictureWork(glyphs, self._imagery, conditionings, self._judge)),
            pipeline=MultiControlNetPipeline(lambda: load_model(settings, gpu)),
            model=ModelIdentity(settings.model, settings.active_model, settings.default_style),
        )

    def cuts(self) -> Iterator[tuple[str, Cut]]:
        """Draw one word with a motif, in any of the styles, and yield its known characters with their cuts."""
        word, known = next(self._words)
        motif = str(self._random.choice(self._imagery.names))
        drawing = self._generator.generate_character_image(
            word,
            self._imagery.phrase(motif),
            style=str(self._random.choice(self._styles)),
            imagery=[motif],
            seed=int(self._random.integers(2**32)),
            include_conditioning=False,
        )
        try:
            asyncio.run(drawing)
        except InvalidRequest:
            return  # it looks like wrongly decoded text
        yield from ((character, cut) for character, cut in self._judge.cuts if character in known)
