"""Free space on the paper: the largest boxes that fit, and their places."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]
# A box takes this share of the available space. The rest is slack for centring it.
BOX_SHARE = 0.97
# Largest size of a box, relative to the one before it.
FURTHER = 0.85

# Left, top, width, height.
Box = tuple[float, float, float, float]


@dataclass
class _Box:
    """A box that still moves and grows.

    Attributes:
        aspect: width over height.
        size: square root of its area.
        row, column: the pixel at its centre.
    """

    aspect: float
    size: float
    row: int
    column: int

    @property
    def longer(self) -> float:
        """Its longer side."""
        return self.size * longer_side(self.aspect)

    def bounds(self) -> Box:
        """Return left, top, width and height."""
        width, height = self.size * math.sqrt(self.aspect), self.size / math.sqrt(self.aspect)
        return self.column + 0.5 - width / 2, self.row + 0.5 - height / 2, width, height


class FreeSpace:
    """Paper on which boxes are placed one after another, clear of what is already there.

    Args:
        paper: (height, width), where a box may be placed.
        gap: least distance between boxes, in pixels.
        largest: the first box's largest size (square root of its area), in pixels.
        least: each box's least size, in pixels.
    """

    def __init__(self, paper: Mask, gap: int, largest: float, least: float) -> None:
        self._paper = paper
        self._gap = gap
        self._largest = largest
        self._least = least

    def place(self, aspects: Sequence[float], rounds: int = 0) -> list[Box | None]:
        """Return a box for each aspect ratio, each smaller than the one before, or None if there is no room for it.

        Args:
            aspects: width over height.
            rounds: how many times each box moves to the middle of the largest space for it, and grows.
        """
        boxes: list[_Box | None] = []
        for aspect in aspects:
            room = sides(self._without(boxes, self._gap), aspect)
            size = min(self._limit(boxes), BOX_SHARE * float(room.max()) / longer_side(aspect))
            if size < self._least:
                boxes.append(None)
                continue
            row, column = _middle(room >= size * longer_side(aspect))
            boxes.append(_Box(aspect, size, row, column))
        for index in [*range(len(boxes))] * rounds:
            self._settle(index, boxes)
        return [None if box is None else box.bounds() for box in boxes]

    def _limit(self, before: Sequence[_Box | None]) -> float:
        """Return the largest size allowed for the next box."""
        sizes = [box.size for box in before if box is not None]
        return FURTHER * sizes[-1] if sizes else self._largest

    def _settle(self, index: int, boxes: Sequence[_Box | None]) -> None:
        """Move a box to the middle of the largest space that the other boxes leave, and let it grow there."""
        box = boxes[index]
        if box is None:
            return
        # Rounding can make the gaps and the box's space seem slightly too narrow for it.
        room = sides(self._without([*boxes[:index], *boxes[index + 1 :]], self._gap - 1), box.aspect)
        widest = float(room.max())
        box.size = max(box.size, min(BOX_SHARE * widest / longer_side(box.aspect), self._limit(boxes[:index])))
        box.row, box.column = _middle(room >= min(box.longer, widest))

    def _without(self, boxes: Sequence[_Box | None], gap: int) -> Mask:
        """Return the paper outside the boxes and a gap around them."""
        paper = self._paper.copy()
        for box in filter(None, boxes):
            left, top, width, height = box.bounds()
            rows = slice(max(0, int(top) - gap), math.ceil(top + height) + gap)
            paper[rows, max(0, int(left) - gap) : math.ceil(left + width) + gap] = False
        return paper


def sides(paper: Mask, aspect: float) -> Plane:
    """Return, for each pixel, the longer side of the largest box that is centred there and fits on the paper.

    The paper is stretched so that boxes become squares. The chessboard distance to its edge is then half a square's
    side.

    Args:
        paper: (height, width).
        aspect: of the boxes, width over height.

    Returns:
        (height, width), pixels; 0 where there is no paper.
    """
    axis = int(aspect < 1)  # wide boxes: the paper is stretched downwards
    length = paper.shape[axis]
    stretched = round(length * max(aspect, 1 / aspect))
    squared = paper.take(np.arange(stretched) * length // stretched, axis)
    framed = cv2.copyMakeBorder(squared.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    distance = cv2.distanceTransform(framed, cv2.DIST_C, 3)[1:-1, 1:-1]
    back = distance.take(np.arange(length) * stretched // length, axis)
    return np.where(paper, 2 * back - 1, 0).astype(np.float32)


def longer_side(aspect: float) -> float:
    """Return the longer side of a box of size 1."""
    return math.sqrt(max(aspect, 1 / aspect))


def _middle(allowed: Mask) -> tuple[int, int]:
    """Return the row and column in the middle of the largest connected part of the allowed centres."""
    left, top, width, height = cv2.boundingRect(allowed.view(np.uint8))
    cropped = allowed[top : top + height, left : left + width].view(np.uint8)
    _, labels, stats, centroids = cv2.connectedComponentsWithStats(cropped)
    part = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    rows, columns = np.nonzero(labels == part)
    nearest = int(((rows - centroids[part][1]) ** 2 + (columns - centroids[part][0]) ** 2).argmin())
    return top + int(rows[nearest]), left + int(columns[nearest])
