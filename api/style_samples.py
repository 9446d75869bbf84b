"""Samples of the styles: a small picture of 花, flower, for each. ``make samples`` draws the shipped ones."""

import hashlib
from pathlib import Path

from shared.schemas import GenerationRequest, Priority
from shared.styles import StyleDefinition

WORD, MEANING, SEED, SIDE = "花", "flower", 7, 256
SAMPLES = Path(__file__).resolve().parent / "web" / "samples"


def sample_request(style: str) -> GenerationRequest:
    """Return the request that draws a style's sample."""
    return GenerationRequest(
        word=WORD,
        translation=MEANING,
        style=style,
        seed=SEED,
        width=SIDE,
        height=SIDE,
        include_conditioning=False,
        priority=Priority.BULK,
    )


def shipped_sample(name: str, definition: StyleDefinition) -> Path:
    """Return the path of a style's shipped sample, which need not exist; a changed style has a different path."""
    return SAMPLES / f"{name}-{digest(definition)}.jpg"


def digest(definition: StyleDefinition) -> str:
    """Return an eight-character digest that changes with the style's definition."""
    return hashlib.sha256(definition.model_dump_json(exclude={"label"}).encode()).hexdigest()[:8]
