"""Can an OCR model read the word in the picture? The judge answers character by character.

The recogniser is PP-OCR's, as shipped in the ``rapidocr`` wheel (Apache 2.0). It looks at each character where the
layout placed it. The score is the probability that it gives to the expected character and its look-alikes. If it cannot
read a character even in print, the score is unknown rather than low.
"""

import importlib.util
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from worker.glyphs import Glyph, PlacedCharacter
from worker.legibility.look_alikes import look_alikes

logger = logging.getLogger("ai_models")

RGB = NDArray[np.uint8]
# (…, columns, characters)
Columns = NDArray[np.float32]

# The recogniser's input is 48 px high. A single character needs at most this width.
HEIGHT, WIDTH = 48, 96
# Margin shown around the em box, in em: recognisers need some context.
MARGIN = 0.06
# Minimum probability at which the recogniser counts as able to read a printed character.
READS_PRINT = 0.5


@dataclass(frozen=True, slots=True)
class CharacterReading:
    """The judge's result for one character.

    Attributes:
        character: the expected character.
        read: what was read.
        score: the probability of the expected character, 0 to 1; None if the recogniser cannot read it even in print.
        is_top: whether the expected character was the recogniser's first answer.
        in_print: the score of the character in print; None where there is no score.
    """

    character: str
    read: str
    score: float | None
    is_top: bool
    in_print: float | None = None

    @property
    def of_print(self) -> float | None:
        """The share of print's score that the picture reaches, at most 1; None where there is no score."""
        return None if self.score is None or not self.in_print else round(min(1.0, self.score / self.in_print), 4)


@dataclass(frozen=True, slots=True)
class Legibility:
    """The judge's result for a picture.

    Attributes:
        score: that of the least legible character, 0 to 1, since the whole word must be legible; None if unknown.
        read: what was read, in the word's order.
        characters: each character's reading, without spaces.
        unknown: why there is no score, or which characters it omits; None if it covers the whole word.
        of_print: the least share of print's score that a character reaches, 0 to 1; what a target is compared with,
            since no picture is more legible than print. None if unknown.
    """

    score: float | None
    read: str = ""
    characters: tuple[CharacterReading, ...] = ()
    unknown: str | None = None
    of_print: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the result for a picture's metadata."""
        return asdict(self)


class LegibilityJudge:
    """Reads finished pictures. Safe to share between threads."""

    def __init__(self, model: Path | None = None) -> None:
        """Set the recogniser's ONNX file, by default the one in the ``rapidocr`` wheel. It is loaded on first use."""
        self._model = model or find_recogniser()
        self._lock = threading.Lock()
        self._loaded: Any = None
        if self._model is None:
            logger.warning("legibility cannot be judged: no recogniser is installed (pip install rapidocr)")

    def judge(self, image: Image.Image, glyph: Glyph) -> Legibility:
        """Return how well the glyph's word can be read in the picture.

        Args:
            image: RGB, of the glyph's size.
            glyph: the word and where its characters stand.
        """
        if self._model is None:
            return Legibility(None, unknown="no recogniser is installed")
        pixels = np.asarray(image.convert("RGB"))
        page = np.repeat((255 - glyph.ink)[:, :, None], 3, axis=2)
        known = [placed for placed in glyph.characters if self._accepted(placed.character)]
        in_picture = self._columns([crop(pixels, placed) for placed in known])
        in_print = self._columns([crop(page, placed) for placed in known])
        readings = {
            id(placed): self._reading(placed.character, picture, printed)
            for placed, picture, printed in zip(known, in_picture, in_print, strict=True)
        }
        unseen = {id(placed): CharacterReading(placed.character, "", None, is_top=False) for placed in glyph.characters}
        return _summary([(unseen | readings)[id(placed)] for placed in glyph.characters])

    def _reading(self, character: str, picture: Columns, printed: Columns) -> CharacterReading:
        accepted = self._accepted(character)
        top = int(picture.max(axis=0)[1:].argmax()) + 1  # 0 is the blank between characters
        is_top = top in accepted
        read = character if is_top else self._characters[top]
        score, in_print = (round(float(columns[:, accepted].sum(axis=1).max()), 4) for columns in (picture, printed))
        if in_print < READS_PRINT:
            return CharacterReading(character, read, None, is_top=False)
        return CharacterReading(character, read, score, is_top, in_print)

    def _accepted(self, character: str) -> list[int]:
        """Return the recogniser's answers that count as the character; none if it knows no form of it."""
        return [self._index[one] for one in look_alikes(character) if one in self._index]

    def _columns(self, crops: Sequence[RGB]) -> Columns:
        """Return, for each crop, the probabilities of the recogniser's characters in each of its columns."""
        if not crops:
            return np.empty((0, 0, 0), np.float32)
        batch = np.stack([_prepare(one) for one in crops])
        (output,) = self._session.run(None, {self._session.get_inputs()[0].name: batch})
        return np.asarray(output, np.float32)

    @property
    def _session(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_session(self._model)
            return self._loaded

    @cached_property
    def _characters(self) -> list[str]:
        listed = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        return ["", *listed, " "]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {character: index for index, character in enumerate(self._characters) if character.strip()}


def find_recogniser() -> Path | None:
    """Return the recogniser's ONNX file in the installed ``rapidocr`` wheel; None if it or its runtime is missing."""
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None or importlib.util.find_spec("onnxruntime") is None:
        return None
    return next(iter(sorted((Path(spec.origin).parent / "models").glob("*_rec_*.onnx"))), None)


def _load_session(model: Path | None) -> Any:
    import onnxruntime  # noqa: PLC0415  # optional: without it, legibility is unknown

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # One thread: a character takes a few milliseconds, and the other cores are busy.
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def crop(pixels: RGB, placed: PlacedCharacter) -> RGB:
    """Return the part of a picture that shows a character, with a margin."""
    height, width = pixels.shape[:2]
    return pixels[placed.box.region(width, height, MARGIN * placed.box.em)]


def _prepare(image: RGB) -> NDArray[np.float32]:
    """Return an image in the recogniser's input format: (3, 48, 96), BGR, -1 to 1, padded with 0 on the right."""
    height, width = image.shape[:2]
    scaled_width = max(1, min(WIDTH, round(HEIGHT * width / height)))
    method = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (scaled_width, HEIGHT), interpolation=method)[:, :, ::-1]
    padded = np.zeros((3, HEIGHT, WIDTH), np.float32)
    padded[:, :, :scaled_width] = scaled.transpose(2, 0, 1) / np.float32(127.5) - 1
    return padded


def _summary(readings: Sequence[CharacterReading]) -> Legibility:
    blind = "".join(dict.fromkeys(reading.character for reading in readings if reading.score is None))
    return Legibility(
        score=_least(reading.score for reading in readings),
        read="".join(reading.read for reading in readings),
        characters=tuple(readings),
        unknown=f"the judge cannot read {blind} in print either" if blind else None,
        of_print=_least(reading.of_print for reading in readings),
    )


def _least(scores: Iterable[float | None]) -> float | None:
    return min((score for score in scores if score is not None), default=None)
