"""Compose a scene: the word makes room, and motifs go where the paper is free.

All is decided on a small page, its shorter side `PAGE` pixels, and then enlarged: a scene looks the same at every size
of one aspect ratio.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.writing.motif import Motif
from worker.glyphs import Glyph, GlyphRenderer
from worker.glyphs.glyph import Typesetter
from worker.glyphs.layout import PlacedRun
from worker.scene.room import Box, FreeRoom
from worker.scene.scene import PlacedMotif, Scene

Mask = NDArray[np.bool_]

# The page's shorter side.
PAGE = 128

# Shares of the page's shorter side: from ink to motifs, from motif to motif, from motifs to the border.
CLEARANCE, GAP, BORDER = 0.025, 0.03, 0.03
# Motifs' sizes (square root of the box's area), as shares of the shorter side: the first's at most, and at least.
LARGEST, LEAST = 0.4, 0.14
# Times that each motif moves to the middle of its room.
ROUNDS = 3
# Each further motif's worth, as a share of the one before it.
WORTH = 0.7
# Motifs may reach this far into an em box, in em, where it has no ink.
INSET = 0.08

# Shares of the page that the word may be laid out in.
SHARES = tuple(np.arange(0.32, 0.9, 0.06).tolist())
# How much of its size a word keeps: one or two characters can still be read when smaller.
KEPT, KEPT_OF_SHORT = 0.7, 0.6
# One or two characters together span this share of the shorter side at least.
LEAST_SPAN = 0.57
SHORT = 2
# Arrangements that are nearly as good as the best; the seed chooses one.
NEARLY = 0.9


def compose(  # noqa: PLR0917  # as `GlyphRenderer.render`, and what else a scene is made of
    renderer: GlyphRenderer, word: str, width: int, height: int, motifs: Sequence[Motif], seed: int
) -> Scene:
    """Return a word and motifs as a scene, the same for the same arguments.

    Args:
        renderer: draws the word.
        word: the characters.
        width: pixels.
        height: pixels.
        motifs: what it means, the best first: it becomes the largest.
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


@dataclass(frozen=True, slots=True)
class Page:
    """The small page, and the aspect ratios of the motifs that are to come on it.

    Attributes:
        width: in small pixels; the shorter side is `PAGE`.
        height: likewise.
        aspects: each motif's width over its height, the best first.
    """

    width: float
    height: float
    aspects: tuple[float, ...]

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in whole pixels."""
        return int(self.width), int(self.height)

    def place(self, paper: Mask, rounds: int = 0) -> list[Box | None]:
        """Return each motif's box on the paper; None: there is no room for it. `rounds`: see `FreeRoom.place`."""
        return FreeRoom(paper, round(GAP * PAGE), LARGEST * PAGE, LEAST * PAGE).place(self.aspects, rounds)

    def beside_boxes(self, runs: Sequence[PlacedRun]) -> Mask:
        """Return the paper that the characters' em boxes leave free."""
        width, height = self.pixels
        paper = self._within_border()
        for run in runs:
            for _, box in run.boxes():
                paper[box.region(width, height)] = False
        return paper

    def beside_ink(self, glyph: Glyph) -> Mask:
        """Return the paper that is clear of the ink and of the inner parts of the em boxes, where a reader looks."""
        distance = cv2.distanceTransform((glyph.ink == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        paper: Mask = self._within_border() & (distance > 1 + CLEARANCE * PAGE)
        for placed in glyph.characters:
            paper[placed.box.region(glyph.width, glyph.height, -INSET * placed.box.em)] = False
        return paper

    def _within_border(self) -> Mask:
        border = round(BORDER * PAGE)
        inner = np.ones((self.pixels[1] - 2 * border, self.pixels[0] - 2 * border), bool)
        return np.pad(inner, border)


def _arrange(page: Page, typeset: Typesetter, random: np.random.Generator) -> Sequence[PlacedRun] | None:
    """Return a place for the word that suits it and its motifs; None: there is no room for any of them."""
    to_right, to_bottom = random.random(2) < 0.5
    full_em = typeset(page.width, page.height)[0].em
    suitable: list[tuple[float, Sequence[PlacedRun]]] = []
    for areas in _areas(page.width, page.height):
        arranged = []
        for width, height in areas:
            left = (page.width - width) * to_right
            top = (page.height - height) * to_bottom
            runs = [run.moved(left, top) for run in typeset(width, height)]
            if _is_large_enough(runs, full_em):
                arranged.append((runs[0].em / full_em * _worth(page.place(page.beside_boxes(runs))), runs))
        if arranged:
            suitable.append(max(arranged, key=lambda one: one[0]))
    best = max((value for value, _ in suitable), default=0.0)
    if not best:
        return None
    good = [runs for value, runs in suitable if value >= NEARLY * best]
    return good[random.integers(len(good))]


def _areas(width: float, height: float) -> Iterator[list[tuple[float, float]]]:
    """Yield the areas for the word, by arrangement: above or below, left or right, in a corner."""
    yield [(width, height * share) for share in SHARES]
    yield [(width * share, height) for share in SHARES]
    yield [(width * share, height * share) for share in SHARES]


def _is_large_enough(runs: Sequence[PlacedRun], full_em: float) -> bool:
    """Return whether a word laid out like this is as large as readers need."""
    boxes = [box for run in runs for _, box in run.boxes()]
    if len(boxes) > SHORT:
        return runs[0].em >= KEPT * full_em
    across = max(box.left + box.advance for box in boxes) - min(box.left for box in boxes)
    down = max(box.top + box.em for box in boxes) - min(box.top for box in boxes)
    return runs[0].em >= KEPT_OF_SHORT * full_em and max(across, down) >= LEAST_SPAN * PAGE


def _worth(boxes: Sequence[Box | None]) -> float:
    """Return how much motifs show: their sizes, the first's most."""
    return sum(WORTH**rank * math.sqrt(box[2] * box[3]) / PAGE for rank, box in enumerate(boxes) if box is not None)


def _enlarged(box: Box, scale: float) -> tuple[int, int, int, int]:
    """Return a box of the small page in whole pixels of the picture."""
    left, top, width, height = (value * scale for value in box)
    return round(left), round(top), max(1, round(width)), max(1, round(height))
