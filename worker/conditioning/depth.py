"""Depth: near is bright, as MiDaS draws it."""

from collections.abc import Mapping
from typing import ClassVar

import cv2
import numpy as np

from shared.schemas import ControlType
from worker.conditioning.base import RGB, Conditioning, Method, to_rgb
from worker.glyphs import Glyph

# The background recedes from the picture's bottom (nearer) to its top; the word stands clearly in front of it.
FAR, NEAR_BACKGROUND = 20, 70
INK_NEAREST, INK_RANGE = 150, 105
# Softens the step from ink to background, as a share of the shorter side (1.5 px at 256).
BLUR = 1.5 / 256


def distance_transform_depth(glyph: Glyph) -> RGB:
    """Return strokes as rounded ridges: brightness grows with the square root of the distance to the stroke's edge.

    The distance is the exact Euclidean one (OpenCV, DIST_MASK_PRECISE: Felzenszwalb and Huttenlocher 2012), scaled by
    the largest distance in the glyph.
    """
    mask = glyph.mask
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ridge = INK_NEAREST + INK_RANGE * np.sqrt(distance / max(float(distance.max()), 1.0))
    ramp = np.linspace(FAR, NEAR_BACKGROUND, glyph.height, dtype=np.float32)[:, None]
    depth = np.where(mask, ridge, ramp).astype(np.float32)
    blurred = cv2.GaussianBlur(depth, (0, 0), sigmaX=BLUR * min(glyph.width, glyph.height))
    return to_rgb(np.clip(np.rint(blurred), 0, 255).astype(np.uint8))


class DepthConditioning(Conditioning):
    """The word as a relief."""

    control_type: ClassVar[ControlType] = "depth"
    methods: ClassVar[Mapping[str, Method]] = {"distance_transform_depth": distance_transform_depth}
