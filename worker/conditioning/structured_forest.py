"""Structured forests for ink (Dollár and Zitnick, "Structured Forests for Fast Edge Detection", 2013).

Each tree looks at a 32 × 32 patch and predicts the edges of its inner 16 × 16. The predictions of all trees at all
overlapping positions are averaged. The trees are trained on glyphs with known strokes
(``training/structured_edges.py``), so they also find the borders of strokes inside the ink, where strokes cross and
fuse and there is no gradient.
"""

from dataclasses import dataclass, fields
from functools import cache, cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

MODEL_PATH = Path(__file__).parents[1] / "data" / "structured_edges.npz"

# The em in pixels that the trees were trained on.
EM = 256

PATCH, EDGES = 32, 16
CELLS = PATCH // 2  # features are looked up at half resolution
STRIDE = 4
ORIENTATIONS = 4
CHANNELS = 2 + ORIENTATIONS
# Cells per axis whose smoothed channels are compared with one another: the paper's 5 × 5 grid.
GRID = (1, 4, 8, 11, 14)
SMOOTH, SMOOTHER = 1.0, 3.0


@dataclass(frozen=True)
class Forest:
    """The trees, as flat tables over the nodes of all trees, one tree after another.

    Attributes:
        roots: (trees,) the root node of each tree.
        features: (nodes,) the feature that a node tests; see `feature_offsets`.
        thresholds: (nodes,) a feature below this selects the left child.
        children: (nodes, 2) left and right. A leaf's children are the leaf itself.
        leaves: (nodes,) the row of `edges` that a leaf predicts; 0 for inner nodes.
        edges: (rows, 16, 16) edge probability, 0 to 255.
    """

    roots: NDArray[np.int32]
    features: NDArray[np.int16]
    thresholds: NDArray[np.int16]
    children: NDArray[np.int32]
    leaves: NDArray[np.int32]
    edges: NDArray[np.uint8]

    def save(self, path: Path) -> None:
        """Write the forest to a compressed file."""
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @cached_property
    def depth(self) -> int:
        """The number of steps from the root after which every position has reached a leaf."""
        frontier, depth = np.unique(self.roots), 0
        while True:
            below = np.unique(self.children[frontier])
            below = below[(self.children[below] != below[:, None]).any(1)]
            depth += 1
            if not below.size:
                return depth
            frontier = below


@cache
def load_forest() -> Forest:
    """Return the trained forest. It is read once per process."""
    with np.load(MODEL_PATH, allow_pickle=False) as arrays:
        return Forest(**{name: arrays[name] for name in arrays.files})


def channels(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the trees' input: ink, gradient magnitude and oriented gradients, fine and smoothed.

    Args:
        ink: (height, width), even sides.

    Returns:
        (2, 6, height / 2, width / 2): [fine or smoothed, channel, row, column].
    """
    blurred = cv2.GaussianBlur(ink, (0, 0), SMOOTH).astype(np.float32)
    dx, dy = cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1)
    magnitude, angle = cv2.cartToPolar(dx, dy)
    magnitude = np.minimum(magnitude * 0.25, 255)
    stack = [blurred, magnitude]
    orientation = (angle * (ORIENTATIONS / np.pi)) % ORIENTATIONS
    for index in range(ORIENTATIONS):
        distance = np.abs(orientation - index)
        closeness = np.maximum(0, 1 - np.minimum(distance, ORIENTATIONS - distance))
        stack.append(magnitude * closeness)
    height, width = ink.shape
    half = [cv2.resize(channel, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for channel in stack]
    smooth = [cv2.GaussianBlur(channel, (0, 0), SMOOTHER) for channel in half]
    return np.stack([np.stack(half), np.stack(smooth)]).astype(np.uint8)


@lru_cache(maxsize=4)
def feature_offsets(height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where features are read: offsets from a patch's first cell in flattened channels of height × width cells.

    A feature is the value at its first offset minus the value at its second. The first 1,536 are single values of the
    fine channels; their second offset is -1, which subtracts nothing. The others are differences between two cells of
    the smoothed channels.
    """
    plane = height * width
    rows, columns = np.divmod(np.arange(CELLS * CELLS), CELLS)
    cell = rows * width + columns
    single = (np.arange(CHANNELS)[:, None] * plane + cell).ravel()
    grid = np.array([row * width + column for row in GRID for column in GRID])
    first, second = np.triu_indices(len(grid), 1)
    smooth = (CHANNELS + np.arange(CHANNELS))[:, None] * plane
    return (
        np.concatenate([single, (smooth + grid[first]).ravel()]),
        np.concatenate([np.full(len(single), -1), (smooth + grid[second]).ravel()]),
    )


def feature_values(
    flat: NDArray[np.uint8],
    base: NDArray[np.int64],
    features: NDArray[np.int16],
    offsets: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.int16]:
    """Return feature values, one row per position.

    Args:
        flat: `channels`, flattened.
        base: (n,) each patch's first cell.
        features: (n,) or (n, k) the features to compute.
        offsets: from `feature_offsets`.
    """
    shaped = base if features.ndim == 1 else base[:, None]
    first, second = offsets[0][features], offsets[1][features]
    values = flat[shaped + first].astype(np.int16)
    subtracted = np.where(second < 0, np.uint8(0), flat[shaped + np.maximum(second, 0)])
    difference: NDArray[np.int16] = np.subtract(values, subtracted, dtype=np.int16)
    return difference


def detect(ink: NDArray[np.uint8], forest: Forest) -> NDArray[np.float32]:
    """Return the probability of a stroke's border at each pixel.

    Args:
        ink: (height, width), 0 to 255, drawn with an em of about `EM` pixels.
        forest: the trees.

    Returns:
        (height, width), 0 to 1.
    """
    height, width = ink.shape
    margin = PATCH // 2
    bottom, right = -height % EDGES + margin, -width % EDGES + margin
    padded = np.pad(ink, ((margin, bottom), (margin, right)))
    stack = channels(padded)
    cells_high, cells_wide = stack.shape[2:]
    # Patches whose 16 × 16 predictions cover the padded picture, one every STRIDE pixels.
    step = STRIDE // 2
    rows = np.arange(0, cells_high - CELLS + 1, step)
    columns = np.arange(0, cells_wide - CELLS + 1, step)
    base = (rows[:, None] * cells_wide + columns).ravel()
    # A patch without ink has no border.
    reach = cv2.dilate(stack[0, 0], np.ones((CELLS, CELLS), np.uint8), anchor=(0, 0))
    busy = np.flatnonzero(reach.ravel()[base])
    answers = np.zeros((len(base), EDGES, EDGES), np.uint16)
    answers[busy] = _ask(stack.ravel(), base[busy], forest, feature_offsets(cells_high, cells_wide))
    summed = _overlay(answers.reshape(len(rows), len(columns), EDGES, EDGES))
    # A prediction starts 8 pixels inside its patch, and the padding is 16.
    inner = summed[margin // 2 :, margin // 2 :][:height, :width]
    votes = 255.0 * len(forest.roots) * (EDGES // STRIDE) ** 2
    return (inner / votes).astype(np.float32)


def _ask(
    flat: NDArray[np.uint8],
    base: NDArray[np.int64],
    forest: Forest,
    offsets: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.uint16]:
    """Return the sum of all trees' predictions for each patch, (n, 16, 16)."""
    answers = np.zeros((len(base), EDGES, EDGES), np.uint16)
    for root in forest.roots:
        node = np.full(len(base), root, np.int32)
        for _ in range(forest.depth):
            values = feature_values(flat, base, forest.features[node], offsets)
            node = forest.children[node, (values >= forest.thresholds[node]).astype(np.intp)]
        answers += forest.edges[forest.leaves[node]]
    return answers


def _overlay(answers: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Add overlapping predictions (rows, columns, 16, 16), STRIDE apart, into one image."""
    rows, columns = answers.shape[:2]
    blocks = EDGES // STRIDE
    picture = np.zeros((rows + blocks - 1, STRIDE, columns + blocks - 1, STRIDE), np.uint32)
    tiles = answers.reshape(rows, columns, blocks, STRIDE, blocks, STRIDE)
    for down in range(blocks):
        for across in range(blocks):
            picture[down : down + rows, :, across : across + columns] += tiles[:, :, down, :, across].transpose(
                0, 2, 1, 3
            )
    return picture.reshape((rows + blocks - 1) * STRIDE, (columns + blocks - 1) * STRIDE)
