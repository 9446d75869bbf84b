"""Motifs rendered to pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.writing.motif import Motif
from worker.glyphs.glyph import SHIFT

RGBA = NDArray[np.uint8]


def draw_anti_aliased(motif: Motif, width: int, height: int) -> RGBA:
    """Return a motif's colours, multiplied by their coverage, and the coverage.

    Drawn several times larger and averaged, like the ink in `worker.glyphs.glyph.draw_polygons`.

    Args:
        motif: what to draw.
        width: pixels.
        height: pixels.

    Returns:
        (height, width, 4), 0 to 255.
    """
    scale = max(2, min(4, 1024 // max(width, height)))
    large = draw_flat(motif, width * scale, height * scale)
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def draw_flat(motif: Motif, width: int, height: int) -> RGBA:
    """Return a motif in flat colours, later shapes over earlier ones. Sizes are as in `draw_anti_aliased`."""
    canvas = np.zeros((height, width, 4), np.uint8)
    scale = np.array([width / motif.width, height / motif.height])
    for shape in motif.shapes:
        # A pixel's centre is at +0.5 in our coordinates and at 0 in OpenCV's.
        contours = [
            np.round((np.array(contour) * scale - 0.5) * (1 << SHIFT)).astype(np.int32) for contour in shape.contours
        ]
        # All contours in one call: OpenCV fills them by the even-odd rule.
        cv2.fillPoly(canvas, contours, color=(*shape.colour, 255), shift=SHIFT)
    return canvas
