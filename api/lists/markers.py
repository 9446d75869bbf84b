"""Marks that people and programs add to the lines of a list: ``1. 学习``, ``2) 水``, ``• 火``, ``**木**``."""

import re
from collections.abc import Sequence
from itertools import pairwise

# A tab ends a cell, so that the marker is a column of its own.
NUMBER = re.compile(r"[^\S\t]*([0-9]{1,4})(?:[.)．）](?![0-9])|、)[^\S\t]*(?=\S)")
BULLET = re.compile(r"[^\S\t]*[-–—•▪◦*·][^\S\t]+(?=\S)")

# Markdown's, of a word or several: **木**, *mù*, `tree`.
EMPHASIS = re.compile(r"(\*{1,3}|`)(?!\s)([^*`]++)(?<!\s)\1")


def without_emphasis(line: str) -> str:
    """Return a line without the marks of Markdown that emphasise parts of it."""
    return EMPHASIS.sub(r"\2", line) if "*" in line or "`" in line else line


def without_markers(lines: Sequence[str]) -> list[str]:
    """Return lines without the markers that most of them begin with: a bullet, or a number that counts them.

    A text with quotes comes from a program, which writes none.
    """
    filled = [line for line in lines if line.strip()]
    if any('"' in line for line in filled):
        return list(lines)
    numbers = [int(found[1]) for line in filled if (found := NUMBER.match(line))]
    if _counts(numbers) and len(numbers) * 2 > len(filled):
        return [_without(NUMBER, line) for line in lines]
    if sum(map(bool, map(BULLET.match, filled))) * 2 > len(filled):
        return [_without(BULLET, line) for line in lines]
    return list(lines)


def _counts(numbers: Sequence[int]) -> bool:
    return all(after == before + 1 for before, after in pairwise(numbers))


def _without(marker: re.Pattern[str], line: str) -> str:
    found = marker.match(line)
    return line[found.end() :] if found else line
