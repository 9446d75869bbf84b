"""The CPU work for a picture: compose its scene, condition it, judge and encode the picture."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
from PIL import Image

from shared.schemas import ControlType
from shared.schemas.metadata import Legibility
from shared.settings import Settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from shared.writing.imagery import Imagery
from shared.writing.language import Language
from worker.conditioning import Brush, Conditioning
from worker.conditioning.structured_forest import load_forest
from worker.glyphs import Glyph, GlyphRenderer
from worker.legibility.judge import LegibilityJudge, find_recognisers
from worker.png import encode_png
from worker.scene import Scene, compose


@dataclass(frozen=True, slots=True)
class ConditioningMap:
    """A method's conditioning map of a scene.

    Attributes:
        image: RGB, of the scene's size.
        png: the image as PNG; None if not requested.
        notes: the method's notes on the word: radicals, stroke types, fallbacks.
    """

    image: Image.Image
    png: bytes | None
    notes: dict[str, Any]


class PictureWork:
    """The work, one method for each part. Safe to share between threads."""

    def __init__(
        self,
        glyphs: Mapping[Language, GlyphRenderer],
        imagery: Imagery,
        conditionings: Iterable[Conditioning],
        judge: LegibilityJudge,
    ) -> None:
        self._glyphs = glyphs
        self._imagery = imagery
        self._conditionings = {kind.control_type: kind for kind in conditionings}
        self._judge = judge

    def compose(
        self, word: str, size: tuple[int, int], motifs: Sequence[str], seed: int, language: Language = Language.CHINESE
    ) -> Scene:
        """Return a word with motifs around it.

        Args:
            word: the characters.
            size: width and height, pixels.
            motifs: their names, the best first.
            seed: chooses the layout.
            language: the word's; its forms of the characters are drawn.

        Raises:
            UnsupportedCharacter: the word cannot be drawn.
        """
        pictures = [self._imagery.motif(name) for name in motifs]
        return compose(self._glyphs[language.strokes], word, *size, pictures, seed=seed)

    def condition(
        self, scene: Scene, control_type: ControlType, method: str, brush: Brush, *, encode: bool
    ) -> ConditioningMap:
        """Return a method's map of a scene, with its PNG if `encode`.

        Raises:
            MethodUnavailable: the method is unknown or cannot run here.
        """
        conditioning = self._conditionings[control_type]
        image = conditioning.generate(scene, method, brush)
        return ConditioningMap(image, encode_png(image) if encode else None, conditioning.notes(scene, method))

    def judge(self, image: Image.Image, glyph: Glyph) -> Legibility:
        """Return how well the glyph's word can be read in a picture of the same size."""
        return self._judge.judge(image, glyph)

    def encode(self, image: Image.Image, parameters: Mapping[str, Any]) -> bytes:
        """Return a picture as PNG, with its parameters in text chunks."""
        return encode_png(image, parameters)


def make_work(settings: Settings, conditionings: Iterable[Conditioning]) -> PictureWork:
    """Return the work with the fonts of the settings. From now on, OpenCV uses a single thread in this process.

    OpenCV's stack blur gives different values at the seams between its threads, and it runs single-threaded while
    another job uses them. A map would then depend on the machine's cores and on concurrent work.

    Raises:
        SettingsError: a font, a recogniser, the structured forest, the strokes or the imagery cannot be read.
    """
    cv2.setNumThreads(1)
    load_forest()  # now, so that no job fails because of it
    fonts = read_fonts(settings.fonts)
    glyphs = {one: GlyphRenderer(CharacterDatabase(one), fonts) for one in Language if one.has_strokes}
    judge = LegibilityJudge([*find_recognisers(), *settings.recognisers])
    judge.load()
    return PictureWork(glyphs, Imagery(), conditionings, judge)
