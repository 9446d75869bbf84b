"""Scribble: white lines on black, one along each stroke."""

from collections.abc import Mapping
from typing import ClassVar

import cv2
import numpy as np
from skimage.morphology import skeletonize

from shared.schemas import ControlType
from worker.conditioning.base import LINE_WIDTH, RGB, Conditioning, Method, to_rgb
from worker.glyphs import Glyph


def skeletonization_scribble(glyph: Glyph) -> RGB:
    """Return the ink's skeleton (Zhang and Suen 1984) drawn with an even, round pen."""
    skeleton = skeletonize(glyph.mask, method="zhang").astype(np.uint8) * 255
    width = max(1, round(LINE_WIDTH * min(glyph.width, glyph.height)))
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return to_rgb(cv2.dilate(skeleton, pen))


class ScribbleConditioning(Conditioning):
    """The word as one would write it with a pen."""

    control_type: ClassVar[ControlType] = "scribble"
    methods: ClassVar[Mapping[str, Method]] = {"skeletonization_scribble": skeletonization_scribble}
