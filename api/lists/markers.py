"""Marks that people and programs add to the lines of a list: ``1. 学习``, ``2) 水``, ``• 火``, ``**木**``."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

# A tab ends a cell, so that the marker is a column of its own.
NUMBER = re.compile(r"[^\S\t]*[(（]?((?:[0-9０-９]{1,4}(?=[.)．）](?![0-9])|、)|[①-⑳]))[.)．）、]?[^\S\t]*(?=\S)")
# In the text of a PDF, nothing but a space may follow.
BARE_NUMBER = re.compile(r"[^\S\t]*([0-9]{1,4})[^\S\t]+(?=\S)")
AFTER_WORD = re.compile(r"[\t,;|，；،؛]| [-–—=:] ")
BULLET = re.compile(r"[^\S\t]*[-–—•▪◦*·][^\S\t]+(?=\S)")

# Markdown's, of a word or several: **木**, *mù*, `tree`.
EMPHASIS = re.compile(r"(\*{2,3}|(?<!\w)\*|`)(?!\s)([^*`]++)(?<!\s)\1")


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
    for marker in (NUMBER, BARE_NUMBER):
        if _are_numbered(filled, marker):
            return [_without(marker, line) for line in lines]
    if sum(map(bool, map(BULLET.match, filled))) * 2 > len(filled):
        return [_without(BULLET, line) for line in lines]
    return list(lines)


def _are_numbered(lines: Sequence[str], marker: re.Pattern[str]) -> bool:
    """Return whether most lines begin with numbers that count them.

    In 2 часа, 3 часа, bare numbers do not: they are the difference between the words.
    """
    found = [match for line in lines if (match := marker.match(line))]
    numbers = [int(unicodedata.numeric(match[1]) if len(match[1]) == 1 else match[1]) for match in found]
    counts = all(after == before + 1 for before, after in pairwise(numbers))
    words = {AFTER_WORD.split(match.string[match.end() :])[0] for match in found}
    return counts and len(found) * 2 > len(lines) and (marker is NUMBER or len(words) == len(found) > 1)


def _without(marker: re.Pattern[str], line: str) -> str:
    found = marker.match(line)
    return line[found.end() :] if found else line
