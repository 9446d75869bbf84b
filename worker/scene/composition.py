"""Compose a scene: the word makes room, and motifs fill the free space.

The layout is decided on a small page, whose shorter side is `PAGE` pixels, and then scaled up. A scene therefore looks
the same at every size of one aspect ratio.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.writing.motif import Motif
from worker.glyphs import Glyph, GlyphRenderer
from worker.glyphs.layout import MARGIN, PlacedRun, Typesetter
from worker.scene.free_space import FURTHER, Box, FreeSpace
from worker.scene.scene import PlacedMotif, Scene

Mask = NDArray[np.bool_]

# The page's shorter side, in small pixels.
PAGE = 128

# Least distances as shares of the page's shorter side: ink to motif, motif to motif, motif to border.
CLEARANCE, GAP, BORDER = 0.025, 0.03, 0.03
# Largest size of the first motif (square root of its box's area), as a share of the page's and of its shorter side.
LARGEST, LARGEST_OF_SIDE = 0.42, 0.6
# Least size of each motif, as a share of the page's shorter side.
LEAST = 0.15
# Number of times that each motif moves to the middle of its free space.
ROUNDS = 3
# Each further motif's weight, relative to the one before it.
WORTH = 0.7
# From a character's em box to motifs, in em: the judge looks a little beyond the box.
BESIDE_EM = 0.03

# Candidate shares of the page's sides for laying out the word.
SHARES = tuple(np.arange(0.88, 0.31, -0.06).tolist())
# Least share of its full size that a word keeps. One or two characters remain legible at a smaller size.
KEPT, KEPT_OF_SHORT = 0.7, 0.6
# One or two characters together span at least this share of the shorter side.
LEAST_SPAN = 0.56
SHORT = 2
# Arrangements at least this good, relative to the best, are candidates; the seed chooses one.
NEARLY = 0.9


def compose(  # noqa: PLR0917  # as `GlyphRenderer.render`, and what else a scene is made of
    renderer: GlyphRenderer, word: str, width: int, height: int, motifs: Sequence[Motif], seed: int
) -> Scene:
    """Return a word and motifs as a scene; deterministic for the same arguments.

    Args:
        renderer: draws the word.
        word: the characters.
        width: pixels.
        height: pixels.
        motifs: motifs of the word's meaning, best first. The first becomes the largest.
        seed: chooses among the arrangements that suit the word.

    Raises:
        UnsupportedCharacter: the word cannot be drawn.
    """
    scale = min(width, height) / PAGE
    page = Page(width / scale, height / scale, tuple(motif.width / motif.height for motif in motifs))
    runs = _arrange(page, renderer.typesetter(word), np.random.default_rng(seed)) if motifs else None
    if runs is None:
        return Scene(renderer.render(word, width, height), left_out=tuple(motif.name for motif in motifs))
    boxes = page.place(page.beside_ink(renderer.draw(word, runs, *page.pixels)), ROUNDS)
    glyph = renderer.draw(word, [run.moved(0, 0, scale) for run in runs], width, height)
    placed = tuple(
        PlacedMotif(motif, _enlarged(box, scale)) for motif, box in zip(motifs, boxes, strict=True) if box is not None
    )
    left_out = tuple(motif.name for motif, box in zip(motifs, boxes, strict=True) if box is None)
    return Scene(glyph, placed, left_out)


class Area(NamedTuple):
    """A part of the page, in small pixels."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Page:
    """The small page, and the aspect ratios of the motifs to be placed on it.

    Attributes:
        width: in small pixels; the shorter side is `PAGE`.
        height: likewise.
        aspects: each motif's width over its height, best first.
    """

    width: float
    height: float
    aspects: tuple[float, ...]

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in whole pixels."""
        return int(self.width), int(self.height)

    @property
    def largest(self) -> float:
        """The first motif's largest size."""
        return min(LARGEST * math.sqrt(self.width * self.height), LARGEST_OF_SIDE * PAGE)

    @property
    def most_worth(self) -> float:
        """The `_worth` of all motifs at their largest."""
        return sum(self.largest / PAGE * (WORTH * FURTHER) ** rank for rank in range(len(self.aspects)))

    def place(self, paper: Mask, rounds: int = 0) -> list[Box | None]:
        """Return each motif's box on the paper, or None if there is no room for it. `rounds`: see `FreeSpace.place`."""
        return FreeSpace(paper, round(GAP * PAGE), self.largest, LEAST * PAGE).place(self.aspects, rounds)

    def beside_boxes(self, runs: Sequence[PlacedRun]) -> Mask:
        """Return the paper that is clear of the em boxes.

        This is accurate enough to compare places before the ink is drawn.
        """
        width, height = self.pixels
        paper = self._within_border()
        for run in runs:
            for _, box in run.boxes():
                paper[box.region(width, height, CLEARANCE * PAGE)] = False
        return paper

    def beside_ink(self, glyph: Glyph) -> Mask:
        """Return the paper that is clear of the ink and of the em boxes, where the judge looks."""
        distance = cv2.distanceTransform((glyph.ink == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        paper: Mask = self._within_border() & (distance > 1 + CLEARANCE * PAGE)
        for placed in glyph.drawn:
            paper[placed.box.region(glyph.width, glyph.height, BESIDE_EM * placed.box.em)] = False
        return paper

    def _within_border(self) -> Mask:
        border = round(BORDER * PAGE)
        inner = np.ones((self.pixels[1] - 2 * border, self.pixels[0] - 2 * border), bool)
        return np.pad(inner, border)


def _arrange(page: Page, typesetter: Typesetter, random: np.random.Generator) -> Sequence[PlacedRun] | None:
    """Return a place for the word that suits it and its motifs, or None if there is no room for any motif."""
    full_em = typesetter.lay_out(page.width, page.height)[0].em
    suitable = [
        _best(page, [_set(typesetter, area) for area in arrangement], full_em)
        for arrangement in _arrangements(page, *random.integers(0, 2, 2))
    ]
    best = max(value for value, _ in suitable)
    good = [runs for value, runs in suitable if value >= NEARLY * best > 0]
    return good[random.integers(len(good))] if good else None


def _set(typesetter: Typesetter, area: Area) -> list[PlacedRun]:
    """Return the word's runs in a part of the page."""
    return [run.moved(area.left, area.top) for run in typesetter.lay_out(area.width, area.height, MARGIN * PAGE)]


def _best(page: Page, places: Sequence[list[PlacedRun]], full_em: float) -> tuple[float, list[PlacedRun]]:
    """Return the best value and its place among the word's places; 0 if no motif fits or the word is too small."""
    best: tuple[float, list[PlacedRun]] = (0.0, [])
    for runs in sorted(places, key=lambda runs: runs[0].em, reverse=True):
        size = min(1.0, runs[0].em / full_em)
        if size * page.most_worth <= best[0]:
            break  # the remaining places are even smaller
        if _is_large_enough(runs, full_em):
            best = max(best, (size * _value(page, runs), runs), key=lambda one: one[0])
    return best


def _arrangements(page: Page, across: float, down: float) -> Iterator[list[Area]]:
    """Yield areas for the word: above or below, left or right, in a corner, between motifs.

    Args:
        page: the page.
        across: 0 if the word goes to the left, 1 if it goes to the right.
        down: 0 if the word goes to the top, 1 if it goes to the bottom.
    """
    width, height = page.width, page.height
    yield [Area(0, down * height * (1 - share), width, height * share) for share in SHARES]
    yield [Area(across * width * (1 - share), 0, width * share, height) for share in SHARES]
    yield [
        Area(across * width * (1 - share), down * height * (1 - share), width * share, height * share)
        for share in SHARES
    ]
    if len(page.aspects) > 1:
        yield [Area(0, height * (1 - share) / 2, width, height * share) for share in SHARES]


def _is_large_enough(runs: Sequence[PlacedRun], full_em: float) -> bool:
    """Return whether a word laid out like this is large enough to be read."""
    boxes = [box for run in runs for _, box in run.boxes()]
    if len(boxes) > SHORT:
        return runs[0].em >= KEPT * full_em
    across = max(box.left + box.advance for box in boxes) - min(box.left for box in boxes)
    down = max(box.top + box.em for box in boxes) - min(box.top for box in boxes)
    return runs[0].em >= KEPT_OF_SHORT * full_em and max(across, down) >= LEAST_SPAN * PAGE


def _value(page: Page, runs: Sequence[PlacedRun]) -> float:
    """Return how good a place of the word is for the motifs: their sizes, and the balance of the whole."""
    motifs = page.place(page.beside_boxes(runs))
    word = [(box.left, box.top, box.advance, box.em) for run in runs for _, box in run.boxes()]
    return _worth(motifs) * (1 - _imbalance(page, [*word, *filter(None, motifs)]))


def _worth(boxes: Sequence[Box | None]) -> float:
    """Return the weighted sum of the motifs' sizes; the first one counts most."""
    return sum(WORTH**rank * math.sqrt(box[2] * box[3]) / PAGE for rank, box in enumerate(boxes) if box is not None)


def _imbalance(page: Page, boxes: Sequence[Box]) -> float:
    """Return the distance of the boxes' common centre from the page's, as a share of the shorter side."""
    weights = [width * height for _, _, width, height in boxes]
    x = np.average([left + width / 2 for left, _, width, _ in boxes], weights=weights)
    y = np.average([top + height / 2 for _, top, _, height in boxes], weights=weights)
    return math.hypot(x - page.width / 2, y - page.height / 2) / PAGE


def _enlarged(box: Box, scale: float) -> tuple[int, int, int, int]:
    """Return a box of the small page, scaled up to whole pixels of the picture."""
    left, top, width, height = (value * scale for value in box)
    return round(left), round(top), max(1, round(width)), max(1, round(height))
