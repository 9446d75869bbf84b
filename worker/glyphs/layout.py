"""Fit a word into a picture: line breaks and one em box per character."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

# Share of the picture's shorter side left free on each side of the word.
MARGIN = 0.035
# Distance of two lines' em boxes, in em: letters need room for ascenders and descenders, square characters none.
LINE_HEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """A character's em box in pixels: left, top, and its size (an em's height; advance is its width)."""

    left: float
    top: float
    advance: float
    em: float


@dataclass(frozen=True, slots=True)
class _Unit:
    """Characters that stay on one line, with their advances in em."""

    characters: str
    advances: tuple[float, ...]
    gap: float = 0.0  # em before the unit, unless it opens a line

    @property
    def width(self) -> float:
        return sum(self.advances)


def lay_out(word: str, width: int, height: int, advance: Callable[[str], float | None]) -> list[tuple[str, Box]]:
    """Return each character of a word, spaces left out, with its em box.

    The number of lines is the one that lets the characters be largest; lines are centred. Square characters break
    anywhere, runs of letters only at spaces.

    Args:
        word: the characters, in reading order.
        width: the picture's width in pixels.
        height: the picture's height in pixels.
        advance: a letter's advance in em, or None for a square character (advance 1, breaks anywhere).
    """
    units = _units(word, advance)
    margin = MARGIN * min(width, height)
    usable_width, usable_height = width - 2 * margin, height - 2 * margin

    def em_of(lines: Sequence[Sequence[_Unit]]) -> float:
        widest = max(_line_width(line) for line in lines)
        return min(usable_width / widest, usable_height / (LINE_HEIGHT * len(lines)))

    # max() keeps the first of equals: with the same size, fewer lines.
    lines = max((_balanced_lines(units, count) for count in range(1, len(units) + 1)), key=em_of)
    em = em_of(lines)
    placed = []
    top = (height - em * LINE_HEIGHT * len(lines)) / 2
    for line in lines:
        left = (width - em * _line_width(line)) / 2
        for index, unit in enumerate(line):
            left += em * unit.gap if index else 0.0
            for character, character_advance in zip(unit.characters, unit.advances, strict=True):
                placed.append((character, Box(left, top, em * character_advance, em)))
                left += em * character_advance
        top += em * LINE_HEIGHT
    return placed


def _units(word: str, advance: Callable[[str], float | None]) -> list[_Unit]:
    units: list[_Unit] = []
    gap = 0.0
    for is_letter, group in groupby(word, key=lambda character: character != " " and advance(character) is not None):
        run = "".join(group)
        if is_letter:
            units.append(_Unit(run, tuple(advance(character) or 0.0 for character in run), gap))
            gap = 0.0
            continue
        for character in run:
            if character == " ":
                gap = 0.3
            else:
                units.append(_Unit(character, (1.0,), gap))
                gap = 0.0
    return units


def _line_width(line: Sequence[_Unit]) -> float:
    return sum(unit.width + (unit.gap if index else 0.0) for index, unit in enumerate(line))


def _balanced_lines(units: Sequence[_Unit], count: int) -> list[list[_Unit]]:
    """Split units into at most ``count`` lines so that the widest line is as narrow as possible.

    The narrowest feasible width is one of the widths of a run of units, and filling lines greedily is optimal for a
    given width, so trying those widths in order finds it.
    """
    runs = {_line_width(units[start:end]) for start in range(len(units)) for end in range(start + 1, len(units) + 1)}
    for limit in sorted(runs):
        lines = _fill(units, limit)
        if lines is not None and len(lines) <= count:
            return lines
    raise AssertionError("one line of all units always fits the widest limit")


def _fill(units: Sequence[_Unit], limit: float) -> list[list[_Unit]] | None:
    lines: list[list[_Unit]] = []
    for unit in units:
        if unit.width > limit + math.ulp(limit) * 8:
            return None
        if lines and _line_width([*lines[-1], unit]) <= limit + math.ulp(limit) * 8:
            lines[-1].append(unit)
        else:
            lines.append([unit])
    return lines
