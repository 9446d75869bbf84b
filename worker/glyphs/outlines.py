"""Stroke outlines as polygons: SVG path commands flattened to points."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.writing.characters import COMMAND_OR_NUMBER, EM, POINTS_OF_COMMAND, TOP

# Segments per curve. A curve spans at most about 200 units, so at 2048 px the error stays below half a pixel.
SEGMENTS = 8

Polygon = NDArray[np.float32]


@lru_cache(maxsize=4096)
def flatten(outline: str) -> Polygon:
    """Return an SVG path (M, L, Q, C, Z; absolute) as a closed polygon.

    Returns:
        Points of shape (n, 2) in em: x to the right and y down, (0, 0) the em box's top left, (1, 1) its bottom right.
    """
    tokens = COMMAND_OR_NUMBER.findall(outline)
    points: list[NDArray[np.float64]] = []
    position = 0
    while position < len(tokens):
        command = tokens[position]
        count = 2 * POINTS_OF_COMMAND[command]
        controls = np.array(tokens[position + 1 : position + 1 + count], dtype=np.float64).reshape(-1, 2)
        position += 1 + count
        if command in "ML":
            points.append(controls)
        elif command in "QC":
            points.append(_curve(np.vstack([points[-1][-1:], controls])))
    return to_em(np.vstack(points))


def to_em(points: NDArray[np.float64]) -> Polygon:
    """Return points in the database's coordinates (y up) in em (y down), with the box's top left at (0, 0)."""
    return ((points * (1, -1) + (0, TOP)) / EM).astype(np.float32)


def _curve(controls: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a Bézier curve of degree len(controls) - 1 as SEGMENTS points, without its start."""
    t = np.linspace(0, 1, SEGMENTS + 1)[1:, None]
    while len(controls) > 1:  # de Casteljau; `controls` grows a leading time axis in the first round
        controls = np.array([(1 - t) * a + t * b for a, b in pairwise(controls)])
    curve: NDArray[np.float64] = controls[0]
    return curve
