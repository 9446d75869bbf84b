"""Can an OCR model read the word in the picture? The judge answers character by character.

Two recognisers are ours (`training/recogniser`). They know hangul, kana, Cyrillic, Greek, Hebrew and Latin letters with
accents, and the grapheme clusters of Arabic, Thai and Devanagari. The third is PP-OCR's, as shipped in the ``rapidocr``
wheel (Apache 2.0), for Han and plain Latin. They look at each character where the layout placed it. The score is the
probability given to the expected character and its look-alikes. If none can read a character even in print, the score
is unknown rather than low.
"""

import importlib.util
import logging
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from shared.schemas.metadata import CharacterReading, Legibility
from worker.glyphs import Glyph, PlacedCharacter
from worker.legibility.recogniser import RGB, Columns, Recogniser

logger = logging.getLogger("ai_models")

DATA: Final = Path(__file__).parents[1] / "data"
LETTERS, CLUSTERS = DATA / "letters.onnx", DATA / "clusters.onnx"
# Margin shown around the em box, in em: recognisers need some context.
MARGIN = 0.06
# Minimum probability at which the recogniser counts as able to read a printed character.
READS_PRINT = 0.5


class LegibilityJudge:
    """Reads finished pictures. Safe to share between threads."""

    def __init__(self, recognisers: Sequence[Path] | None = None) -> None:
        """Set the recognisers' ONNX files, by default those of the service. They are loaded on first use.

        A character is read by the first that lists it and can read it in print, or else by the first that can read it
        as a look-alike.
        """
        paths = find_recognisers() if recognisers is None else recognisers
        self._recognisers = [Recogniser(path) for path in paths]
        if not self._recognisers:
            logger.warning("legibility cannot be judged: no recogniser is installed (pip install rapidocr)")

    def load(self) -> None:
        """Load the recognisers now.

        Raises:
            SettingsError: a file is missing or damaged, or is no recogniser; names it.
        """
        for recogniser in self._recognisers:
            recogniser.load()

    def judge(self, image: Image.Image, glyph: Glyph) -> Legibility:
        """Return how well the glyph's word can be read in the picture.

        Args:
            image: RGB, of the glyph's size.
            glyph: the word and where its characters stand.
        """
        if not self._recognisers:
            return Legibility(score=None, read="", unknown="no recogniser is installed", characters=())
        pixels = np.asarray(image.convert("RGB"))
        page = np.repeat((255 - glyph.ink)[:, :, None], 3, axis=2)
        readings = [_unread(placed.character) for placed in glyph.characters]
        # Letters that ours only resemble, such as Latin o and Greek ο, are PP-OCR's own.
        for is_listed, recogniser in product((True, False), self._recognisers):
            unread = [
                (place, placed)
                for place, placed in enumerate(glyph.characters)
                if readings[place].score is None
                and recogniser.accepted(placed.character)
                and recogniser.lists(placed.character) == is_listed
            ]
            in_picture = recogniser.columns([crop(pixels, placed) for _, placed in unread])
            in_print = recogniser.columns([crop(page, placed) for _, placed in unread])
            for (place, placed), picture, printed in zip(unread, in_picture, in_print, strict=True):
                readings[place] = _reading(recogniser, placed.character, picture, printed)
        return _summary(readings)


def _reading(recogniser: Recogniser, character: str, picture: Columns, printed: Columns) -> CharacterReading:
    accepted = recogniser.accepted(character)
    top = int(picture.max(axis=0)[1:].argmax()) + 1  # 0 is the blank between characters
    is_top = top in accepted
    read = character if is_top else recogniser.characters[top]
    score, in_print = (round(float(columns[:, accepted].sum(axis=1).max()), 4) for columns in (picture, printed))
    if in_print < READS_PRINT:
        return _unread(character, read)
    return CharacterReading(character=character, read=read, score=score, is_top=is_top, in_print=in_print)


def _unread(character: str, read: str = "") -> CharacterReading:
    """Return the reading of a character that no recogniser can judge."""
    return CharacterReading(character=character, read=read, score=None, is_top=False)


def find_recognisers() -> list[Path]:
    """Return the ONNX files of the service's recognisers; none if the wheel ``rapidocr`` or its runtime is missing."""
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None or importlib.util.find_spec("onnxruntime") is None:
        return []
    return [LETTERS, CLUSTERS, *sorted((Path(spec.origin).parent / "models").glob("*_rec_*.onnx"))[:1]]


def crop(pixels: RGB, placed: PlacedCharacter) -> RGB:
    """Return the part of a picture that shows a character, with a margin."""
    height, width = pixels.shape[:2]
    return pixels[placed.box.region(width, height, MARGIN * placed.box.em)]


def _summary(readings: Sequence[CharacterReading]) -> Legibility:
    blind = "".join(dict.fromkeys(reading.character for reading in readings if reading.score is None))
    return Legibility(
        score=_least(reading.score for reading in readings),
        read="".join(reading.read for reading in readings),
        characters=tuple(readings),
        unknown=f"the judge cannot read {blind} in print either" if blind else None,
        of_print=_least(_of_print(reading) for reading in readings),
    )


def _of_print(reading: CharacterReading) -> float | None:
    """Return the share of print's score that the picture reaches, at most 1: no picture is more legible than print."""
    if reading.score is None or not reading.in_print:
        return None
    return round(min(1.0, reading.score / reading.in_print), 4)


def _least(scores: Iterable[float | None]) -> float | None:
    return min((score for score in scores if score is not None), default=None)
