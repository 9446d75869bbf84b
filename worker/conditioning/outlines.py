"""Outlines of motifs: their silhouettes and the borders between their colours, as thin lines."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.scene import PlacedMotif

Gray = NDArray[np.uint8]

# Steps between neighbouring colours that count as a border, in levels of 255; weaker ones do where they carry on one.
STEP, WEAK_STEP = 45, 22


def outlines(placed: PlacedMotif, detail: float) -> tuple[tuple[slice, slice], Gray]:
    """Return where a motif's outlines are, and the outlines, one pixel wide.

    Found by Canny's method over colours and coverage together, so that a white snowman on white paper has its
    silhouette, and a dark stroke inside it too.

    Args:
        placed: the motif.
        detail: what is finer than this is left out, pixels.

    Returns:
        The rows and columns of the picture, a little more than the motif's box, and (rows, columns), 255 on a line.
    """
    # The radius of a stack blur whose standard deviation is `detail`; it is several times as fast as a Gaussian one.
    radius = max(1, round(math.sqrt(1 + 6 * detail**2) - 1))
    frame = 2 + radius
    framed = cv2.copyMakeBorder(placed.collage, frame, frame, frame, frame, cv2.BORDER_CONSTANT)
    soft = cv2.stackBlur(framed, (2 * radius + 1, 2 * radius + 1))
    # The slope in the middle of a blurred step, as Sobel's filter sees it, per level of the step.
    slope = 8 / (radius + 1)
    edges = cv2.Canny(soft, WEAK_STEP * slope, STEP * slope)
    # Lines are next to the box at most; a pen of twice the detail has room beside them.
    margin = 2 + round(detail)
    inner = slice(frame - margin, margin - frame or None)
    return placed.region(margin), edges[inner, inner].astype(np.uint8, copy=False)
