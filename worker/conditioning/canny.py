"""Canny: white edges on black."""

from collections.abc import Mapping
from typing import ClassVar

import cv2

from shared.schemas import ControlType
from worker.conditioning.base import RGB, Conditioning, Method, to_rgb
from worker.glyphs import Glyph

# The hysteresis thresholds that the Union ControlNet's own examples use.
LOW, HIGH = 100, 200


def opencv_canny(glyph: Glyph) -> RGB:
    """Return OpenCV's Canny edges of the anti-aliased ink (Canny 1986)."""
    return to_rgb(cv2.Canny(glyph.ink, LOW, HIGH))


class CannyConditioning(Conditioning):
    """Outlines of the strokes."""

    control_type: ClassVar[ControlType] = "canny"
    methods: ClassVar[Mapping[str, Method]] = {"opencv_canny": opencv_canny}
