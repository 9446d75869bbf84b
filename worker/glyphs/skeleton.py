"""Skeletons without the spurs that thinning leaves where a stroke flares or has corners, as those of fonts do."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Gray = NDArray[np.uint8]

# A branch is a spur if its end is less far from its junction than this many half widths of the stroke there. The
# corners of a square end are √2 away.
SPUR: Final = 1.5
# A pixel's neighbours, clockwise, each with its bit.
NEIGHBOURS: Final = np.array([[1, 2, 4], [128, 0, 8], [64, 32, 16]], np.float32)
SQUARE: Final = np.ones((3, 3), np.uint8)
# By the neighbours' bits: how many there are, and in how many separate runs.
_BITS = (np.arange(256)[:, None] >> np.arange(8)) & 1
COUNT: Final = _BITS.sum(1)
RUNS: Final = (np.roll(_BITS, 1, axis=1) < _BITS).sum(1)


def without_spurs(skeleton: Mask, half_width: NDArray[np.float32], where: Mask) -> Mask:
    """Return a skeleton without the spurs that end in a part of the picture.

    Where spurs fork towards the corners of a stroke's end, the line is continued between them.

    Args:
        skeleton: (height, width), lines one pixel wide.
        half_width: (height, width), pixels to the nearest pixel outside the shape.
        where: (height, width), the part.
    """
    lines: Gray = skeleton.astype(np.uint8)
    codes = cv2.filter2D(lines, cv2.CV_8U, NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
    junctions = skeleton & (RUNS[codes] >= 3)
    spurs: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for junction, end, spur in _branches(lines, junctions, np.argwhere(skeleton & where & (COUNT[codes] == 1))):
        if np.hypot(*np.subtract(end, junction)) < SPUR * half_width[junction]:
            spurs[junction].append(end)
            lines[spur] = 0
    for (row, column), ends in spurs.items():
        if len(ends) > 1:
            tip_row, tip_column = np.mean(ends, axis=0).round().astype(int).tolist()
            cv2.line(lines, (column, row), (tip_column, tip_row), 1)
    return lines > 0


def _branches(
    lines: Gray, junctions: Mask, ends: NDArray[np.intp]
) -> Iterator[tuple[tuple[int, int], tuple[int, int], tuple[NDArray[np.intp], NDArray[np.intp]]]]:
    """Yield for each branch with an end its junction, its end, and its pixels."""
    near = cv2.dilate(junctions.view(np.uint8), SQUARE).astype(np.uint8, copy=False) & lines
    _, crossings, _, centres = cv2.connectedComponentsWithStats(near)
    _, pieces, boxes, _ = cv2.connectedComponentsWithStats(lines & ~near)
    for row, column in ends.tolist():
        piece = pieces[row, column]
        if not piece:
            continue
        left, top, width, height, _ = boxes[piece].tolist()
        box = slice(max(0, top - 1), top + height + 1), slice(max(0, left - 1), left + width + 1)
        own = pieces[box] == piece
        reached = cv2.dilate(own.view(np.uint8), SQUARE) > 0
        touched = set(crossings[box][reached].tolist()) - {0}
        if len(touched) == 1:
            x, y = centres[touched.pop()].round().astype(int).tolist()
            rows, columns = np.nonzero(own | (reached & ~junctions[box]))
            yield (y, x), (row, column), (rows + box[0].start, columns + box[1].start)
