"""A word as anti-aliased ink, drawn from stroke data if available and otherwise from fonts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features
from skimage.morphology import skeletonize

from shared.writing.characters import Character, CharacterDatabase
from shared.writing.fonts import FontCoverage
from shared.writing.words import check_coverage
from worker.glyphs.layout import Box, PlacedRun, Typesetter
from worker.glyphs.outlines import Polygon, flatten, to_em
from worker.glyphs.runs import direction_of, reads_right_to_left, split_runs
from worker.glyphs.skeleton import without_spurs

Ink = NDArray[np.uint8]

# cv2's fixed-point coordinates: 1/16 pixel.
SHIFT = 4


@dataclass(frozen=True, slots=True)
class PlacedCharacter:
    """A character (a grapheme cluster), its em box, and its stroke data (None if drawn from a font)."""

    character: str
    box: Box
    strokes: Character | None

    def outlines(self) -> list[Polygon]:
        """Return each stroke's filled outline as a polygon (n, 2) in pixels, in writing order."""
        return [self._placed(flatten(stroke.outline)) for stroke in self.strokes.strokes] if self.strokes else []

    def medians(self) -> list[Polygon]:
        """Return each stroke's middle line as points (n, 2) in pixels, in the direction of writing."""
        strokes = self.strokes.strokes if self.strokes else ()
        return [self._placed(to_em(np.array(stroke.median, dtype=np.float64))) for stroke in strokes]

    def _placed(self, points: Polygon) -> Polygon:
        return points * np.float32(self.box.em) + np.array([self.box.left, self.box.top], dtype=np.float32)


@dataclass(frozen=True)
class Glyph:
    """A word drawn for one picture size.

    Attributes:
        word: the word.
        width: pixels.
        height: pixels.
        characters: the word's grapheme clusters without spaces, with their places, in reading order.
        hyphens: those at the ends of lines, which are not part of the word.
        ink: (height, width) coverage, 0 (paper) to 255 (ink), anti-aliased.
    """

    word: str
    width: int
    height: int
    characters: tuple[PlacedCharacter, ...]
    ink: Ink
    hyphens: tuple[PlacedCharacter, ...] = ()

    def __getstate__(self) -> dict[str, object]:
        """Return a copy, since another thread may compute a property while this one is pickled."""
        return vars(self).copy()

    @property
    def drawn(self) -> tuple[PlacedCharacter, ...]:
        """All that is drawn: the characters, then the hyphens."""
        return self.characters + self.hyphens

    @property
    def without_strokes(self) -> list[str]:
        """The characters that have no stroke data, each once."""
        return list(dict.fromkeys(placed.character for placed in self.characters if placed.strokes is None))

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(height, width): whether more than half of the pixel is ink."""
        return self.ink > 127

    @cached_property
    def distance(self) -> NDArray[np.float32]:
        """(height, width): pixels to the nearest paper, exact (Felzenszwalb and Huttenlocher 2012); 0 on paper."""
        distance = np.zeros(self.ink.shape, np.float32)
        for block in self._blocks:
            # One row and column of paper around the block, so that ink at its edge ends there.
            framed = np.pad(self.mask[block].view(np.uint8), 1)
            distance[block] = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
        return distance

    @cached_property
    def skeleton(self) -> NDArray[np.bool_]:
        """(height, width): the ink's middle lines, one pixel wide (Zhang and Suen 1984).

        Spurs are removed from characters that are drawn from a font. Those of brush strokes show the brush's turns.
        """
        skeleton = np.zeros(self.ink.shape, bool)
        for block in self._blocks:
            skeleton[block] = skeletonize(self.mask[block], method="zhang")
        from_font = [placed.box for placed in self.drawn if placed.strokes is None]
        if not from_font:
            return skeleton
        where = np.zeros(self.ink.shape, bool)
        for box in from_font:
            where[box.region(self.width, self.height)] = True
        return without_spurs(skeleton, self.distance, where)

    @cached_property
    def _blocks(self) -> tuple[tuple[slice, slice], ...]:
        """Rectangles with ink, separated from one another by whole rows or columns of paper.

        A computation that depends only on the ink can run block by block and skip the paper.
        """
        mask = self.mask.view(np.uint8)
        return tuple((rows, columns) for rows in _runs(mask.max(1)) for columns in _runs(mask[rows].max(0)))


class GlyphRenderer:
    """Draws words."""

    def __init__(self, database: CharacterDatabase, fonts: Sequence[FontCoverage]) -> None:
        """Use stroke data first, then the first font that has the character."""
        self._database = database
        self._fonts = fonts
        # A scene's word is drawn twice: small, and at full size.
        self._strokes = lru_cache(maxsize=128)(database.character)

    def render(self, word: str, width: int, height: int) -> Glyph:
        """Return the word's glyph, as large as the picture allows.

        Args:
            word: the characters.
            width: pixels.
            height: pixels.

        Raises:
            UnsupportedCharacter: neither the database nor a font can draw one of the characters.
        """
        return self.draw(word, self.typesetter(word).lay_out(width, height), width, height)

    def typesetter(self, word: str) -> Typesetter:
        """Return the word's typesetter. Raises the same errors as `render`."""
        check_coverage(word, self._database, self._fonts)
        runs = split_runs(word, self._database, self._fonts)
        return Typesetter(runs, right_to_left=reads_right_to_left(word))

    def draw(self, word: str, placed: Sequence[PlacedRun], width: int, height: int) -> Glyph:
        """Return the glyph of a word whose runs are already placed.

        Args:
            word: the characters.
            placed: from a typesetter, possibly moved.
            width: of the picture, pixels.
            height: of the picture, pixels.
        """
        characters = tuple(
            PlacedCharacter(character, box, self._strokes(character) if one.run.font is None else None)
            for one in placed
            if not one.run.is_hyphen
            for character, box in one.boxes()
        )
        hyphens = tuple(
            PlacedCharacter(character, box, None)
            for one in placed
            if one.run.is_hyphen
            for character, box in one.boxes()
        )
        ink = draw_polygons([outline for character in characters for outline in character.outlines()], width, height)
        for one in placed:
            if one.run.font is not None:
                _draw_from_font(ink, one, one.run.font)
        return Glyph(word, width, height, characters, ink, hyphens)


def _draw_from_font(ink: Ink, placed: PlacedRun, path: Path) -> None:
    run, em = placed.run, placed.em
    font = ImageFont.truetype(str(path), size=em)
    ascent, descent = font.getmetrics()
    # The font's line, from ascent to descent, is centred on the em box.
    top = placed.top + (em - (ascent + descent)) / 2
    canvas = Image.new("L", (ink.shape[1], ink.shape[0]))
    direction = direction_of(right_to_left=run.right_to_left) if run.is_shaped else None
    left = placed.left + em * run.offset
    if run.is_square or not run.is_shaped:
        left += (em * run.width - font.getlength(run.text, direction=direction)) / 2
    forms = ["vert"] if run.is_vertical and features.check("raqm") else None
    ImageDraw.Draw(canvas).text((left, top), run.text, fill=255, font=font, direction=direction, features=forms)
    np.maximum(ink, np.asarray(canvas), out=ink)


def _runs(present: NDArray[np.uint8]) -> list[slice]:
    """Return the runs of ones in an array of zeros and ones."""
    edges = np.flatnonzero(np.diff(np.pad(present, 1)))
    return [slice(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def draw_polygons(polygons: Sequence[Polygon], width: int, height: int) -> Ink:
    """Return the union of filled polygons (points in pixels) as anti-aliased coverage (height, width), 0 to 255.

    Drawn several times larger and averaged, since OpenCV's anti-aliasing (LINE_AA) draws a soft edge outside the
    polygon, which makes a character at 256 px a quarter thicker.
    """
    scale = max(2, min(4, 4096 // max(width, height)))
    ink = np.zeros((height * scale, width * scale), np.uint8)
    for polygon in polygons:
        # A pixel's centre is at +0.5 in our coordinates and at 0 in OpenCV's.
        fixed = np.round((polygon * scale - 0.5) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(ink, [fixed], color=255, shift=SHIFT)
    return cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
