"""A scene's layers, as a style paints them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.embedded_model.palettes import Colour, Palette, choose_palette, hue_of
from worker.scene import Scene

# The hues from green to violet, as shares of the circle.
COOL = (0.25, 0.8)

# OpenCV and NumPy return float32 or float64 here; both are accepted.
Plane = NDArray[Any]  # (height, width), mostly 0 to 1
Picture = NDArray[Any]  # (height, width, 3), 0 to 1


@dataclass(frozen=True)
class Canvas:
    """A scene's layers, as a style paints them.

    Attributes:
        ink: (height, width), coverage of the word, 0 to 1.
        motifs: (height, width, 3), the motifs' colours, 0 to 1; undefined outside the motifs.
        shape: (height, width), coverage of the motifs.
        lines: (height, width), the motifs' silhouettes and the borders between their colours.
        random: the source of all randomness.
    """

    ink: Plane
    motifs: Picture
    shape: Plane
    lines: Plane
    random: np.random.Generator

    @property
    def unit(self) -> float:
        """Pixels of a 512th of the shorter side."""
        return float(min(self.ink.shape) / 512)

    @cached_property
    def hue(self) -> float | None:
        """The motifs' hue; None if there are no motifs or they are grey."""
        shown = self.shape[::8, ::8].ravel()
        return hue_of(self.motifs[::8, ::8].reshape(-1, 3), shown) if shown.any() else None

    @property
    def is_cool(self) -> bool:
        """Whether the motifs' hue lies between green and violet."""
        return self.hue is not None and COOL[0] < self.hue < COOL[1]

    def palette(self, usual: float, *, turn: float = 0.5, dark: bool = False) -> Palette:
        """Return a palette that suits the motifs, or something of the hue ``usual`` if these have none."""
        hue = usual if self.hue is None else self.hue
        return choose_palette(self.random, hue + turn, dark=dark)

    def flat(self, paint: Colour) -> Picture:
        """Return one colour everywhere."""
        return np.broadcast_to(to_unit(paint), (*self.ink.shape, 3))

    def noise(self, cells: float) -> Plane:
        """Return smooth noise, 0 to 1, with this many cells along the shorter side."""
        height, width = self.ink.shape
        down, across = (max(2, round(cells * side / min(height, width))) for side in (height, width))
        coarse = self.random.random((down + 2, across + 2), dtype=np.float32)
        return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)

    def grain(self) -> Plane:
        """Return noise of mean 0 and standard deviation 1, slightly coarser than a pixel."""
        height, width = self.ink.shape
        side = max(1.0, 1.2 * self.unit)
        fine = self.random.standard_normal((int(height / side) + 1, int(width / side) + 1), dtype=np.float32)
        return cv2.resize(fine, (width, height), interpolation=cv2.INTER_LINEAR)


def make_canvas(scene: Scene, random: np.random.Generator) -> Canvas:
    """Return a scene's layers."""
    height, width = scene.glyph.ink.shape
    colours, shape = np.full((height, width, 3), 0.5, np.float32), np.zeros((height, width), np.float32)
    flat = np.full((height, width, 3), -1, np.int16)
    for placed in scene.motifs:
        collage = placed.collage.astype(np.float32) / 255
        coverage = collage[:, :, 3]
        colours[placed.region()] = np.where(
            coverage[:, :, None] > 0.02, collage[:, :, :3] / np.maximum(coverage[:, :, None], 0.02), 0.5
        )
        shape[placed.region()] = coverage
        flat[placed.region()] = np.where(placed.flat[:, :, 3:] > 0, placed.flat[:, :, :3].astype(np.int16), -1)
    borders = np.zeros((height, width), np.float32)
    for axis in (0, 1):
        differs = (np.abs(np.diff(flat, axis=axis)).max(2) > 8).astype(np.float32)
        borders[: differs.shape[0], : differs.shape[1]] = np.maximum(
            borders[: differs.shape[0], : differs.shape[1]], differs
        )
    return Canvas(scene.glyph.ink.astype(np.float32) / 255, np.clip(colours, 0, 1), shape, borders, random)


def to_unit(paint: Any) -> Picture:
    """Return a colour (0 to 255) or a picture (0 to 1) on the scale 0 to 1."""
    return np.array(paint, np.float32) / 255 if isinstance(paint, tuple) else paint
