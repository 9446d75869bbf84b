"""Can an OCR model read the word in the picture? The judge answers character by character.

The recogniser is PP-OCR's, as shipped in the ``rapidocr`` wheel (Apache 2.0). It looks at each character where the
layout placed it. The score is the probability that it gives to the expected character. If it cannot read a character
even in print, the score is unknown rather than low.
"""

import importlib.util
import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from worker.glyphs import Glyph, PlacedCharacter

logger = logging.getLogger("ai_models")

RGB = NDArray[np.uint8]

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
    """

    character: str
    read: str
    score: float | None
    is_top: bool


@dataclass(frozen=True, slots=True)
class Legibility:
    """The judge's result for a picture.

    Attributes:
        score: that of the least legible character, 0 to 1, since the whole word must be legible; None if unknown.
        read: what was read, in the word's order.
        characters: each character's reading, without spaces.
        unknown: why there is no score, or which characters it omits; None if it covers the whole word.
    """

    score: float | None
    read: str = ""
    characters: tuple[CharacterReading, ...] = ()
    unknown: str | None = None

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
        known = [placed for placed in glyph.characters if placed.character in self._index]
        in_picture = self._probabilities([crop(pixels, placed) for placed in known])
        in_print = self._probabilities([crop(page, placed) for placed in known])
        readings = {
            id(placed): self._reading(placed.character, picture, printed)
            for placed, picture, printed in zip(known, in_picture, in_print, strict=True)
        }
        unseen = {id(placed): CharacterReading(placed.character, "", None, is_top=False) for placed in glyph.characters}
        return _summary([(unseen | readings)[id(placed)] for placed in glyph.characters])

    def _reading(self, character: str, picture: NDArray[np.float32], printed: NDArray[np.float32]) -> CharacterReading:
        index = self._index[character]
        top = int(picture[1:].argmax()) + 1  # 0 is the blank between characters
        if printed[index] < READS_PRINT:
            return CharacterReading(character, self._characters[top], None, is_top=False)
        return CharacterReading(
            character, self._characters[top], round(float(picture[index]), 4), is_top=self._characters[top] == character
        )

    def _probabilities(self, crops: Sequence[RGB]) -> list[NDArray[np.float32]]:
        """Return, for each crop, the highest probability over its columns of each of the recogniser's characters."""
        if not crops:
            return []
        batch = np.stack([_prepare(one) for one in crops])
        (output,) = self._session.run(None, {self._session.get_inputs()[0].name: batch})
        return [columns.max(axis=0) for columns in output]

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
    scores = [reading.score for reading in readings if reading.score is not None]
    blind = "".join(dict.fromkeys(reading.character for reading in readings if reading.score is None))
    return Legibility(
        score=min(scores) if scores else None,
        read="".join(reading.read for reading in readings),
        characters=tuple(readings),
        unknown=f"the judge cannot read {blind} in print either" if blind else None,
    )
