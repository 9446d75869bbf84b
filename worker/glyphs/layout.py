"""Fit a word into a picture: line breaks and one em box per character."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, groupby, pairwise
from typing import TypeVar

from shared.writing.hyphenation import HYPHENS, divisions
from worker.glyphs.line_breaks import may_break
from worker.glyphs.runs import Run, hyphen_after

T = TypeVar("T")

# Share of the picture's shorter side left free on each side of the word.
MARGIN = 0.035
# Distance of two lines' em boxes, in em, unless their ink needs more.
LINE_HEIGHT = 1.0
# Width of a space, in em.
SPACE = 0.3
# A long word is divided once more only where that makes its letters at least this much larger.
WORTH_A_DIVISION = 1.5


@dataclass(frozen=True, slots=True)
class Box:
    """A character's em box in pixels: left, top, em (its height) and advance (its width).

    `above` and `below` are how far the character's ink may extend beyond the box.
    """

    left: float
    top: float
    advance: float
    em: float
    above: float = 0.0
    below: float = 0.0

    def region(self, width: int, height: int, margin: float = 0.0) -> tuple[slice, slice]:
        """Return the rows and columns of a picture that contain the character's ink; at least one pixel of each.

        Args:
            width: of the picture, pixels.
            height: of the picture, pixels.
            margin: pixels around the em box.
        """
        rows = _within(self.top - max(self.above, margin), self.top + self.em + max(self.below, margin), height)
        return rows, _within(self.left - margin, self.left + self.advance + margin, width)


@dataclass(frozen=True, slots=True)
class PlacedRun:
    """A run and its place: its left edge, its em box's top, and its em, in pixels."""

    run: Run
    left: float
    top: float
    em: float

    def moved(self, left: float, top: float, scale: float = 1.0) -> "PlacedRun":
        """Return the run scaled by `scale` from the picture's corner, then moved by `left` and `top` pixels."""
        return PlacedRun(self.run, self.left * scale + left, self.top * scale + top, self.em * scale)

    def boxes(self) -> Iterator[tuple[str, Box]]:
        """Yield the run's characters in reading order, each with its em box."""
        boxes = list(self._boxes_from_left())
        return reversed(boxes) if self.run.right_to_left else iter(boxes)

    def _boxes_from_left(self) -> Iterator[tuple[str, Box]]:
        left, em = self.left, self.em
        # A font's drawn outline may be off by a pixel, since its line is moved to whole pixels.
        above, below = (em * reach + 1 if reach > 0 else 0.0 for reach in (self.run.above, self.run.below))
        for character, advance in zip(self.run.characters, self.run.advances, strict=True):
            yield character, Box(left, self.top, em * advance, em, above, below)
            left += em * advance


@dataclass(frozen=True)
class _Unit:
    """Runs that stay on one line, from left to right."""

    runs: tuple[Run, ...]
    gap: float = 0.0  # em before the unit, unless it opens a line
    is_divided: bool = False  # whether the word continues on the next line

    @cached_property
    def width(self) -> float:
        return sum(run.width for run in self.runs)

    @property
    def right_to_left(self) -> bool:
        return any(run.right_to_left for run in self.runs)

    def widened(self, *, left: bool, right: bool) -> "_Unit":
        """Return the unit with its outer runs as wide as their ink on the given sides; see `Run.widened`."""
        last = len(self.runs) - 1
        runs = (
            run.widened(left=left and index == 0, right=right and index == last) for index, run in enumerate(self.runs)
        )
        return replace(self, runs=tuple(runs))


class _Block:
    """Lines, one below the other. Lengths are in em from the first line's em box."""

    def __init__(self, lines: Sequence[Sequence[_Unit]], *, right_to_left: bool) -> None:
        lines = [_widened(line, right_to_left=right_to_left) for line in lines]
        self.lines = lines
        self.divisions = sum(line[-1].is_divided for line in lines)
        self.widest = max(map(_line_width, lines))
        above = [max(run.above for unit in line for run in unit.runs) for line in lines]
        below = [max(run.below for unit in line for run in unit.runs) for line in lines]
        self.tops = [0.0]
        for upper, lower in zip(below, above[1:], strict=False):
            self.tops.append(self.tops[-1] + LINE_HEIGHT + max(0.0, upper + lower))
        # The extent of the ink, and at least of the em boxes.
        self.start = min(0.0, *(top - reach for top, reach in zip(self.tops, above, strict=True)))
        self.end = max(top + 1 + max(0.0, reach) for top, reach in zip(self.tops, below, strict=True))

    def em(self, width: float, height: float) -> float:
        """Return the largest em, in pixels, at which the block fits."""
        return min(width / self.widest, height / (self.end - self.start))

    def top(self, height: float, margin: float, em: float) -> float:
        """Return the top of the first line's em box. The em boxes are centred as far as all ink stays visible."""
        centred = (height - em * (self.tops[-1] + LINE_HEIGHT)) / 2
        return max(min(centred, height - margin - em * self.end), margin - em * self.start)


class Typesetter:
    """Lays a word out in areas of any size.

    The number of lines is chosen so that the characters are as large as possible. Lines are centred. They break at
    spaces, and next to square characters where `may_break` allows it. A long word is divided with hyphens. Square
    characters may also be written vertically, in one column.
    """

    def __init__(self, runs: Sequence[Run | None], *, right_to_left: bool = False) -> None:
        """Break the word into every number of lines.

        Args:
            runs: the word in reading order; None is a space.
            right_to_left: whether the word is read from right to left.
        """
        units = _units(runs, right_to_left=right_to_left)
        arranged = [lines for divided in _divided(units) for lines in _all_lines(divided)]
        self._blocks = [_Block(lines, right_to_left=right_to_left) for lines in [*arranged, *_column(runs)]]
        self._right_to_left = right_to_left

    def lay_out(self, width: float, height: float, margin: float | None = None) -> list[PlacedRun]:
        """Return the place of each of the word's runs, in reading order, as large as the area allows.

        Args:
            width: the area's width in pixels.
            height: the area's height in pixels.
            margin: free space on each side, in pixels; by default `MARGIN` of the area's shorter side.
        """
        if margin is None:
            margin = MARGIN * min(width, height)
        usable_width, usable_height = width - 2 * margin, height - 2 * margin
        # max() keeps the first of equal values: at the same size, fewer lines win.
        block = max(self._blocks, key=lambda one: one.em(usable_width, usable_height) / WORTH_A_DIVISION**one.divisions)
        em = block.em(usable_width, usable_height)
        first = block.top(height, margin, em)
        placed = []
        for line, top in zip(block.lines, block.tops, strict=True):
            left = (width - em * _line_width(line)) / 2
            for unit, gap in _from_left(line, right_to_left=self._right_to_left):
                left += em * gap
                for run in unit.runs:
                    placed.append(PlacedRun(run, left, first + em * top, em))
                    left += em * run.width
        return sorted(placed, key=lambda one: one.run.index)


def visual_order(items: Sequence[T], is_right_to_left: Callable[[T], bool], *, right_to_left: bool) -> list[T]:
    """Return items of a line from left to right, ordered by UAX #9 (rule L2) with two levels.

    Args:
        items: in reading order.
        is_right_to_left: returns whether an item is read from right to left.
        right_to_left: whether the line is.
    """
    groups = [(rtl, list(group)) for rtl, group in groupby(items, key=is_right_to_left)]
    ordered = [group[::-1] if rtl else group for rtl, group in groups]
    return [item for group in (ordered[::-1] if right_to_left else ordered) for item in group]


def _units(runs: Sequence[Run | None], *, right_to_left: bool) -> list[_Unit]:
    has_spaces = None in runs
    units: list[list[Run]] = []
    gaps: list[float] = []
    before: Run | None = None
    for run in runs:
        if run is not None:
            if before is not None and not may_break(before.last, run.first, has_spaces=has_spaces):
                units[-1].append(run)
            else:
                gaps.append(SPACE if units and before is None else 0.0)
                units.append([run])
        before = run
    seen = (visual_order(unit, lambda run: run.right_to_left, right_to_left=right_to_left) for unit in units)
    return [_Unit(tuple(unit), gap) for unit, gap in zip(seen, gaps, strict=True)]


def _column(runs: Sequence[Run | None]) -> Iterator[list[list[_Unit]]]:
    """Yield the lines of a word that can be written vertically: one character each, whichever may begin a line."""
    squares = [run for run in runs if run is not None and run.is_square]
    if 1 < len(squares) == len(runs):
        yield [[_Unit((replace(run, is_vertical=True),))] for run in squares]


def _divided(units: Sequence[_Unit]) -> Iterator[Sequence[_Unit]]:
    """Yield the units with their long word whole, in two parts, in three, and so on."""
    yield units
    places = [_places(unit) for unit in units]
    for count in range(1, max(map(len, places)) + 1):
        yield [
            part for unit, own in zip(units, places, strict=True) for part in _parts(unit, own, min(count, len(own)))
        ]


def _places(unit: _Unit) -> list[int]:
    """Return the indices of the runs before which a unit may be divided."""
    if unit.right_to_left or any(len(run.characters) > 1 for run in unit.runs):
        return []
    return [place for place in divisions([run.text for run in unit.runs]) if unit.runs[place - 1].font is not None]


def _parts(unit: _Unit, places: Sequence[int], count: int) -> list[_Unit]:
    """Divide a unit at ``count`` of the places so that its widest part is as narrow as possible."""

    def parts(chosen: Sequence[int]) -> list[_Unit]:
        bounds = [0, *chosen, len(unit.runs)]
        return [
            _Unit(_ended(unit.runs[start:end]), 0.0 if start else unit.gap, is_divided=True)
            if end < len(unit.runs)
            else _Unit(unit.runs[start:end], 0.0 if start else unit.gap)
            for start, end in pairwise(bounds)
        ]

    return min(map(parts, combinations(places, count)), key=lambda divided: max(part.width for part in divided))


def _ended(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Return the runs of a divided word's line with a hyphen, unless they end with one of their own."""
    return runs if runs[-1].text in HYPHENS else (*runs, hyphen_after(runs[-1]))


def _from_left(line: Sequence[_Unit], *, right_to_left: bool) -> Iterator[tuple[_Unit, float]]:
    """Yield a line's units from left to right, each with the gap before it."""
    read = list(enumerate(line))
    seen = visual_order(read, lambda one: one[1].right_to_left, right_to_left=right_to_left)
    yield seen[0][1], 0.0
    for (before, _), (index, unit) in pairwise(seen):
        yield unit, line[max(before, index)].gap


def _widened(line: Sequence[_Unit], *, right_to_left: bool) -> list[_Unit]:
    """Return a line whose outer runs are as wide as their ink: the hook of a J, the caron of a ď."""
    seen = [unit for unit, _ in _from_left(line, right_to_left=right_to_left)]
    return [unit.widened(left=unit is seen[0], right=unit is seen[-1]) for unit in line]


def _line_width(line: Sequence[_Unit]) -> float:
    return sum(unit.width + (unit.gap if index else 0.0) for index, unit in enumerate(line))


def _limits(units: Sequence[_Unit]) -> list[float]:
    """Return the widths of all sequences of adjacent units, in order. The widest line has one of these widths."""
    runs = {_line_width(units[start:end]) for start in range(len(units)) for end in range(start + 1, len(units) + 1)}
    return sorted(runs)


def _all_lines(units: Sequence[_Unit]) -> Iterator[list[list[_Unit]]]:
    """Yield the units in every number of lines. A divided word's part ends its line."""
    limits = _limits(units)
    fewest = 1 + sum(unit.is_divided for unit in units)
    return (_balanced_lines(units, count, limits) for count in range(fewest, len(units) + 1))


def _balanced_lines(units: Sequence[_Unit], count: int, limits: Sequence[float]) -> list[list[_Unit]]:
    """Split units into at most ``count`` lines so that the widest line is as narrow as possible.

    Filling lines greedily is optimal for a given width, and a wider one never needs more lines.
    """

    def fits(limit: float) -> bool:
        lines = _fill(units, limit)
        return lines is not None and len(lines) <= count

    lines = _fill(units, limits[bisect_left(limits, True, key=fits)])
    if lines is None:
        raise AssertionError("one line of all units always fits the widest limit")
    return lines


def _fill(units: Sequence[_Unit], limit: float) -> list[list[_Unit]] | None:
    lines: list[list[_Unit]] = []
    for unit in units:
        if unit.width > limit + math.ulp(limit) * 8:
            return None
        if lines and not lines[-1][-1].is_divided and _line_width([*lines[-1], unit]) <= limit + math.ulp(limit) * 8:
            lines[-1].append(unit)
        else:
            lines.append([unit])
    return lines


def _within(start: float, end: float, size: int) -> slice:
    first = min(max(0, round(start)), size - 1)
    return slice(first, max(first + 1, min(size, round(end))))
