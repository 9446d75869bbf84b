"""A network that reads single characters, in the format of PP-OCR's recognisers."""

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.errors import SettingsError
from worker.legibility.look_alikes import look_alikes, readable_forms

RGB = NDArray[np.uint8]
# (…, columns, characters)
Columns = NDArray[np.float32]

# The input is 48 px high. A single character needs at most this width.
HEIGHT, WIDTH = 48, 96
# Unless this is set when ONNX Runtime is imported, it reports to Microsoft, under an id that it keeps in ~/.cache.
NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


class Recogniser:
    """An ONNX file whose metadata list its characters. Loaded on first use; safe to share between threads.

    Args:
        path: the ONNX file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._loaded: Any = None

    def load(self) -> None:
        """Load the file and the look-alikes now, so that no job fails because of them.

        Raises:
            SettingsError: a file is missing or damaged, or is no recogniser; names it.
        """
        _ = self.characters
        readable_forms()

    def columns(self, crops: Sequence[RGB]) -> Columns:
        """Return, for each picture of a character, the probabilities of all characters in each of its columns."""
        if not crops:
            return np.empty((0, 0, 0), np.float32)
        return self.read(np.stack([prepare(one) for one in crops]))

    def read(self, prepared: NDArray[np.float32]) -> Columns:
        """Return the same for pictures in the input format (n, 3, 48, 96)."""
        (output,) = self._session.run(None, {self._session.get_inputs()[0].name: prepared})
        return np.asarray(output, np.float32)

    def lists(self, character: str) -> bool:
        """Return whether a character itself, not only a look-alike, is among the answers."""
        return character in self._index

    def accepted(self, character: str) -> list[int]:
        """Return the answers that count as a character; none if the recogniser knows no form of it."""
        return [self._index[one] for one in look_alikes(character) if one in self._index]

    @cached_property
    def characters(self) -> list[str]:
        """The characters that it may answer; the first is none."""
        listed = self._session.get_modelmeta().custom_metadata_map.get("character")
        if listed is None:
            raise SettingsError(f"recogniser lists no characters in its metadata: {self._path}")
        return ["", *listed.splitlines(), " "]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {character: index for index, character in enumerate(self.characters) if character.strip()}

    @property
    def _session(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_session(self._path)
            return self._loaded


def _load_session(path: Path) -> Any:
    os.environ.setdefault(NO_TELEMETRY, "1")
    import onnxruntime  # noqa: PLC0415  # optional: without it, legibility is unknown
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415

    if not path.is_file():
        raise SettingsError(f"recogniser not found: {path}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # One thread: a character takes a few milliseconds, and the other cores are busy.
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (state.InvalidProtobuf, state.InvalidArgument, state.InvalidGraph, state.Fail) as error:
        raise SettingsError(f"recogniser is damaged: {path}: {error}") from error


def prepare(image: RGB) -> NDArray[np.float32]:
    """Return an image in a recogniser's input format: (3, 48, 96), BGR, -1 to 1, padded with 0 on the right."""
    height, width = image.shape[:2]
    scaled_width = max(1, min(WIDTH, round(HEIGHT * width / height)))
    method = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (scaled_width, HEIGHT), interpolation=method)[:, :, ::-1]
    padded = np.zeros((3, HEIGHT, WIDTH), np.float32)
    padded[:, :, :scaled_width] = scaled.transpose(2, 0, 1) / np.float32(127.5) - 1
    return padded
