"""Outlines of motifs: silhouettes and the borders between colours, as thin lines."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.scene import PlacedMotif

Gray = NDArray[np.uint8]

# Smallest step between neighbouring colours that starts a border, in levels of 255. Weaker steps can continue one.
STEP, WEAK_STEP = 45, 22


def outlines(placed: PlacedMotif, detail: float) -> tuple[tuple[slice, slice], Gray]:
    """Return a motif's outlines, one pixel wide, and their place in the picture.

    Canny's method runs on colours and coverage together, so that a white snowman on white paper has a silhouette, and
    so does a dark stroke inside it.

    Args:
        placed: the motif.
        detail: features smaller than this are omitted, in pixels.

    Returns:
        The picture's rows and columns, slightly larger than the motif's box, and (rows, columns), 255 on a line.
    """
    # The radius of a stack blur with standard deviation `detail`. It is several times as fast as a Gaussian blur.
    radius = max(1, round(math.sqrt(1 + 6 * detail**2) - 1))
    frame = 2 + radius
    framed = cv2.copyMakeBorder(placed.collage, frame, frame, frame, frame, cv2.BORDER_CONSTANT)
    soft = cv2.stackBlur(framed, (2 * radius + 1, 2 * radius + 1))
    # The slope in the middle of a blurred step, as measured by Sobel's filter, per level of the step.
    slope = 8 / (radius + 1)
    edges = cv2.Canny(soft, WEAK_STEP * slope, STEP * slope)
    # Lines are in the box or right next to it. The margin leaves room for a pen of twice the detail.
    margin = 2 + round(detail)
    inner = slice(frame - margin, margin - frame or None)
    return placed.region(margin), edges[inner, inner].astype(np.uint8, copy=False)
