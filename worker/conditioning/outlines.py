"""Outlines of motifs: their silhouettes and the borders between their colours, as thin lines."""

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
    margin = 2 + int(2 * detail)
    framed = cv2.copyMakeBorder(placed.collage, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    soft = cv2.GaussianBlur(framed, (0, 0), detail)
    # The slope in the middle of a blurred step, as Sobel's filter sees it, per level of the step.
    slope = 4 * min(1.0, 2 / (detail * np.sqrt(2 * np.pi)))
    edges = cv2.Canny(soft, WEAK_STEP * slope, STEP * slope)
    return placed.region(margin), edges.astype(np.uint8, copy=False)
