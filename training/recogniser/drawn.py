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
from shared.writing.imagery import Imagery
from training.generator import make_generator
from training.recogniser.words import Cut, scaled
from worker.conditioning import make_conditionings
from worker.glyphs import Glyph
from worker.legibility.judge import LegibilityJudge, crop


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
        """Set what to draw.

        Args:
            words: in the service's own fonts, each with the characters that are known.
            settings: the service's.
            seed: chooses the motifs, the styles and the noise.
        """
        self._words, self._random = words, np.random.default_rng(seed)
        self._imagery, self._judge, self._styles = Imagery(), CuttingJudge(), list(settings.styles)
        conditionings = make_conditionings(settings.conditioning)
        self._generator = make_generator(settings, self._imagery, conditionings, self._judge)

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
