"""What an exported checkpoint draws: held-out characters, the styles in rows, meanings in columns."""

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from shared.characters import CharacterDatabase
from shared.schemas import ControlType
from shared.settings import load_settings
from training.embedded_model.data import HELD_OUT_EVERY
from worker.conditioning import Hand, make_conditionings
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline

MEANINGS = ("fire", "water", "tree", "moon", "flower", "love", "gold", "study")


def sample_sheet(checkpoint: Path, steps: int = 12) -> Image.Image:
    """Return the sheet, drawn through the service's own pipeline."""
    settings = load_settings({"WRITING_MODELS__EMBEDDED__BASE": str(checkpoint.resolve()), "WRITING_DEVICE": "cpu"})
    gpu = GPUManager(settings.device, settings.gpu_profiles)
    pipeline = MultiControlNetPipeline(lambda: load_model(settings, gpu))
    renderer = GlyphRenderer(CharacterDatabase(), ())
    characters = [c for c in CharacterDatabase().characters() if c >= "\u4e00" and ord(c) % HELD_OUT_EVERY == 0]
    random = np.random.default_rng(1)
    rows: list[NDArray[np.uint8]] = []
    for style in tqdm(settings.styles.values(), desc="sample sheet"):
        row: list[NDArray[np.uint8]] = []
        for meaning in MEANINGS:
            glyph = renderer.render(str(random.choice(characters)), 256, 256)
            maps: dict[ControlType, Image.Image] = {
                kind.control_type: kind.generate(glyph, hand=Hand(style.pen))
                for kind in make_conditionings(settings.conditioning)
            }
            picture = asyncio.run(
                pipeline.generate(
                    style.fill(meaning, glyph.word),
                    maps,
                    weights=style.controlnet_weights,
                    num_inference_steps=steps,
                    guidance_scale=settings.active_model.guidance_scale,
                    seed=len(rows) * 100 + len(row),
                )
            )
            row.append(np.asarray(picture))
        rows.append(np.hstack(row))
    return Image.fromarray(np.vstack(rows))
