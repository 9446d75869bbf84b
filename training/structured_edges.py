"""Train and evaluate ``worker/data/structured_edges.npz``: trees that find the borders of strokes, even at crossings.

    python -m training.structured_edges train        # some minutes on two cores
    python -m training.structured_edges evaluate     # on held-out characters, compared with Canny

The ground truth is the outline of every stroke in the character database, also where it runs inside other strokes.
Characters whose code point is divisible by 5 are held out. The method is that of Dollár and Zitnick 2013. The labels of
a node's patches are mapped to two classes by the first principal component of "do these two pixels belong to the same
strokes". The split with the lowest Gini impurity among random features is chosen. A leaf returns the mean edges of its
patches.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from shared.writing.characters import CharacterDatabase
from worker.conditioning.canny import thin_ridges
from worker.conditioning.structured_forest import (
    EDGES,
    EM,
    MODEL_PATH,
    PATCH,
    Forest,
    channels,
    detect,
    feature_offsets,
    feature_values,
    load_forest,
)
from worker.glyphs import Glyph, GlyphRenderer
from worker.glyphs.glyph import draw_polygons

TREES = 6
IMAGES_PER_TREE = 1600
PATCHES_PER_IMAGE = 90
MAX_DEPTH, MIN_LEAF = 14, 20
SPLIT_SAMPLE, CANDIDATES, PAIRS = 4000, 90, 128
SIDE = 320  # pixels of a training picture's side; the em varies within it
HELD_OUT_EVERY = 5

TOLERANCES_PX = (1.5, 2.0, 3.0)
FOREST_LEVELS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
CANNY_LEVELS = (60.0, 100.0, 200.0, 400.0)  # the high threshold; the low one is half of it
CROSSING_RADIUS_PX = 12


@dataclass(frozen=True)
class Samples:
    """Patches of many glyphs.

    Attributes:
        flat: all channels of all pictures, flattened.
        base: (n,) index of each patch's first cell in `flat`.
        segments: (n, 16, 16) the set of strokes that covers each pixel, as an arbitrary number.
        edges: (n, 16, 16) the borders of strokes.
    """

    flat: NDArray[np.uint8]
    base: NDArray[np.int64]
    segments: NDArray[np.uint16]
    edges: NDArray[np.bool_]


def split_characters(database: CharacterDatabase) -> tuple[list[str], list[str]]:
    """Return the characters to train on and the held-out ones."""
    held_out = [character for character in database.characters() if ord(character) % HELD_OUT_EVERY == 0]
    return sorted(set(database.characters()) - set(held_out)), held_out


def stroke_segments(glyph: Glyph, random: np.random.Generator) -> NDArray[np.uint16]:
    """Return a number for each pixel that identifies the strokes covering it; 0 is paper."""
    segments = np.zeros((glyph.height, glyph.width), np.uint16)
    for placed in glyph.characters:
        for outline in placed.outlines():
            covered = draw_polygons([outline], glyph.width, glyph.height) > 127
            segments[covered] += np.uint16(random.integers(1, 2**14))
    return segments


def stroke_borders(glyph: Glyph) -> NDArray[np.bool_]:
    """Return the outline of every stroke, one pixel wide, inside the stroke."""
    borders = np.zeros((glyph.height, glyph.width), bool)
    for placed in glyph.characters:
        for outline in placed.outlines():
            stroke = (draw_polygons([outline], glyph.width, glyph.height) > 127).astype(np.uint8)
            borders |= (stroke - cv2.erode(stroke, np.ones((3, 3), np.uint8))).astype(bool)
    return borders


def collect(characters: list[str], seed: int) -> Samples:
    """Draw glyphs at em sizes around EM and cut patches: most at borders, some in ink and paper."""
    random = np.random.default_rng(seed)
    renderer = GlyphRenderer(CharacterDatabase(), ())
    flats, bases, segments, edges = [], [], [], []
    chosen = random.choice(characters, IMAGES_PER_TREE, replace=False)
    for number, character in enumerate(tqdm(chosen, desc=f"tree {seed}: glyphs", position=seed % 2, leave=False)):
        em = int(EM * random.uniform(0.75, 1.2)) // 2 * 2
        glyph = renderer.render(str(character), em, em)
        ink = np.zeros((SIDE, SIDE), np.uint8)
        top, left = random.integers(0, SIDE - em + 1, 2)
        ink[top : top + em, left : left + em] = glyph.ink
        codes = np.zeros((SIDE, SIDE), np.uint16)
        codes[top : top + em, left : left + em] = stroke_segments(glyph, random)
        border = np.zeros((SIDE, SIDE), bool)
        border[top : top + em, left : left + em] = stroke_borders(glyph)
        stack = channels(ink)
        rows, columns = _choose_places(border, ink, random)
        flats.append(stack.ravel())
        bases.append(number * stack.size + rows // 2 * (SIDE // 2) + columns // 2)
        inner = PATCH // 2 - EDGES // 2
        for row, column in zip(rows + inner, columns + inner, strict=True):
            segments.append(codes[row : row + EDGES, column : column + EDGES])
            edges.append(border[row : row + EDGES, column : column + EDGES])
    return Samples(np.concatenate(flats), np.concatenate(bases), np.stack(segments), np.stack(edges))


def _choose_places(
    border: NDArray[np.bool_], ink: NDArray[np.uint8], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return patches' corners: half near borders inside the ink, a third near other borders, the rest anywhere."""
    fits = np.zeros_like(border)
    half = PATCH // 2
    fits[half : SIDE - half : 2, half : SIDE - half : 2] = True
    core = cv2.erode((ink > 127).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    near = np.ones((7, 7), np.uint8)
    hidden = cv2.dilate((border & core).astype(np.uint8), near).astype(bool) & fits
    other = cv2.dilate(border.astype(np.uint8), near).astype(bool) & fits & ~hidden
    shares = ((hidden, 0.5), (other, 0.33), (fits & (ink > 0), 0.12), (fits, 0.05))
    places = []
    for mask, share in shares:
        candidates = np.argwhere(mask)
        if len(candidates):
            places.append(candidates[random.integers(0, len(candidates), round(share * PATCHES_PER_IMAGE))] - half)
    corners = np.concatenate(places)
    return corners[:, 0], corners[:, 1]


class TreeGrower:
    """Grows one tree."""

    def __init__(self, samples: Samples, seed: int) -> None:
        self._samples = samples
        self._random = np.random.default_rng(1000 + seed)
        self._offsets = feature_offsets(SIDE // 2, SIDE // 2)
        self.features: list[int] = []
        self.thresholds: list[int] = []
        self.children: list[list[int]] = []
        self.edges: list[NDArray[np.uint8]] = []
        self.leaves: list[int] = []

    def grow(self) -> "TreeGrower":
        """Grow the tree from all samples."""
        queue = [(self._add_node(), np.arange(len(self._samples.base)), 0)]
        while queue:
            node, members, depth = queue.pop()
            split = self._best_split(members) if depth < MAX_DEPTH and len(members) >= 2 * MIN_LEAF else None
            if split is None:
                self.leaves[node] = len(self.edges)
                self.edges.append(np.round(255 * self._samples.edges[members].mean(0)).astype(np.uint8))
                continue
            self.features[node], self.thresholds[node], goes_right = split
            left, right = self._add_node(), self._add_node()
            self.children[node] = [left, right]
            queue += [(left, members[~goes_right], depth + 1), (right, members[goes_right], depth + 1)]
        return self

    def _add_node(self) -> int:
        node = len(self.features)
        self.features.append(0)
        self.thresholds.append(0)
        self.children.append([node, node])
        self.leaves.append(0)
        return node

    def _best_split(self, members: NDArray[np.int64]) -> tuple[int, int, NDArray[np.bool_]] | None:
        sample = members if len(members) <= SPLIT_SAMPLE else self._random.choice(members, SPLIT_SAMPLE, replace=False)
        classes = self._classes(sample)
        if classes is None:
            return None
        candidates = self._random.integers(0, len(self._offsets[0]), CANDIDATES).astype(np.int16)
        values = feature_values(
            self._samples.flat,
            self._samples.base[sample],
            np.broadcast_to(candidates, (len(sample), CANDIDATES)),
            self._offsets,
        )
        order = np.argsort(values, axis=0, kind="stable")
        ordered = np.take_along_axis(values, order, 0)
        positives = np.cumsum(classes[order], axis=0)[:-1]
        total = classes.sum()
        left = np.arange(1, len(sample))[:, None]
        right = len(sample) - left
        impurity = positives * (left - positives) / left + (total - positives) * (right - total + positives) / right
        # A threshold must separate two different values and leave enough samples on both sides.
        impurity[ordered[1:] == ordered[:-1]] = np.inf
        smallest = min(MIN_LEAF, len(sample) // 2)
        impurity[: smallest - 1] = impurity[len(sample) - smallest :] = np.inf
        row, column = np.unravel_index(impurity.argmin(), impurity.shape)
        if not np.isfinite(impurity[row, column]):
            return None
        feature, threshold = int(candidates[column]), int(ordered[row + 1, column])
        everyone = feature_values(
            self._samples.flat, self._samples.base[members], np.full(len(members), feature, np.int16), self._offsets
        )
        goes_right = everyone >= threshold
        if min(goes_right.sum(), (~goes_right).sum()) < MIN_LEAF:
            return None
        return feature, threshold, goes_right

    def _classes(self, sample: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return 0 or 1 for each patch, by its structure; None if all are alike."""
        pairs = self._random.integers(0, EDGES * EDGES, (2, PAIRS))
        segments = self._samples.segments[sample].reshape(len(sample), -1)
        same = (segments[:, pairs[0]] == segments[:, pairs[1]]).astype(np.float32)
        centred = same - same.mean(0)
        if not centred.any():
            return None
        _, vectors = np.linalg.eigh(centred.T @ centred)
        classes = (centred @ vectors[:, -1] > 0).astype(np.int64)
        return None if classes.min() == classes.max() else classes


def grow_tree(seed: int) -> TreeGrower:
    """Collect samples and grow the tree for a seed."""
    training, _ = split_characters(CharacterDatabase())
    grower = TreeGrower(collect(training, seed), seed).grow()
    del grower._samples  # not sent between processes
    return grower


def join(trees: list[TreeGrower]) -> Forest:
    """Return the trees as one forest."""
    roots, features, thresholds, children, leaves, edges = [], [], [], [], [], []
    nodes = rows = 0
    for tree in trees:
        roots.append(nodes)
        features += tree.features
        thresholds += tree.thresholds
        children.append(np.array(tree.children) + nodes)
        leaves.append(np.array(tree.leaves) + rows)
        edges += tree.edges
        nodes, rows = nodes + len(tree.features), rows + len(tree.edges)
    return Forest(
        roots=np.array(roots, np.int32),
        features=np.array(features, np.int16),
        thresholds=np.array(thresholds, np.int16),
        children=np.concatenate(children).astype(np.int32),
        leaves=np.concatenate(leaves).astype(np.int32),
        edges=np.stack(edges),
    )


def train() -> None:
    """Grow the trees in two processes and write the forest."""
    with ProcessPoolExecutor(2) as pool:
        forest = join(list(tqdm(pool.map(grow_tree, range(TREES)), total=TREES, desc="trees", position=2)))
    forest.save(MODEL_PATH)
    size = MODEL_PATH.stat().st_size / 1e6
    print(f"{MODEL_PATH.name}: {len(forest.edges)} leaves, depth {forest.depth}, {size:.2f} MB")


@dataclass
class Score:
    """The numbers of matched pixels and of all pixels, for detections and for the ground truth."""

    hits: float = 0
    detected: float = 0
    found: float = 0
    true: float = 0

    def add(
        self, detected: NDArray[np.bool_], truth: NDArray[np.bool_], where: NDArray[np.bool_], tolerance: float
    ) -> None:
        """Count a picture: a pixel matches if there is a pixel of the other kind within the tolerance."""
        self.hits += (_distance(truth)[detected & where] <= tolerance).sum()
        self.detected += (detected & where).sum()
        self.found += (_distance(detected)[truth & where] <= tolerance).sum()
        self.true += (truth & where).sum()

    @property
    def precision(self) -> float:
        """Share of detections that are correct."""
        return self.hits / max(self.detected, 1)

    @property
    def recall(self) -> float:
        """Share of the ground truth that was detected."""
        return self.found / max(self.true, 1)

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float32)


def evaluate(count: int) -> None:
    """Print the best F-scores on held-out characters, ours and Canny's: overall, and around hidden borders."""
    forest = load_forest()
    database = CharacterDatabase()
    held_out = np.random.default_rng(7).choice(split_characters(database)[1], count, replace=False)
    renderer = GlyphRenderer(database, ())
    areas = ("everywhere", "around hidden borders")
    scores: dict[tuple[str, float, str, float], Score] = {}
    for character in tqdm(held_out, desc="held-out characters"):
        glyph = renderer.render(str(character), EM + 20, EM + 20)
        truth = stroke_borders(glyph)
        outline = (glyph.mask.astype(np.uint8) - cv2.erode(glyph.mask.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0
        hidden = truth & (_distance(outline) > 3)
        where = {"everywhere": np.ones_like(truth), "around hidden borders": _distance(hidden) <= CROSSING_RADIUS_PX}
        probability = detect(glyph.ink, forest)
        found = {("forest", level): thin_ridges(probability, level) for level in FOREST_LEVELS}
        found |= {("canny", level): cv2.Canny(glyph.ink, level / 2, level) > 0 for level in CANNY_LEVELS}
        for (name, level), edges in found.items():
            for area in areas:
                for tolerance in TOLERANCES_PX:
                    scores.setdefault((name, level, area, tolerance), Score()).add(edges, truth, where[area], tolerance)
    for area in areas:
        for tolerance in TOLERANCES_PX:
            for name in ("forest", "canny"):
                chosen = [(s, key[1]) for key, s in scores.items() if key[0] == name and key[2:] == (area, tolerance)]
                best, level = max(chosen, key=lambda item: item[0].f)
                print(
                    f"{area:22} tolerance {tolerance} px  {name:6} best F {best.f:.4f} "
                    f"(precision {best.precision:.3f}, recall {best.recall:.3f}, level {level})"
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("train", "evaluate"))
    parser.add_argument("--count", type=int, default=200, help="number of held-out characters to evaluate on")
    arguments = parser.parse_args()
    if arguments.command == "train":
        train()
    else:
        evaluate(arguments.count)
