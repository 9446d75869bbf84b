"""Grapheme clusters: what a reader perceives as one character, and how it is drawn."""

import unicodedata
from collections.abc import Sequence
from typing import Final

import regex

from shared.writing.unicode_script import script

JOINERS: Final = "\u200c\u200d"

# Scripts whose letters, accents aside, are drawn unchanged one after the other. In all other scripts letters change
# form, and a font must provide the forms (OpenType specification, "Developing fonts for specific scripts").
PLAIN_SCRIPTS: Final = frozenset(
    {
        *("Latn", "Grek", "Cyrl", "Armn", "Geor", "Copt", "Goth", "Runr", "Ogam", "Cher", "Cans", "Ethi", "Vaii"),
        *("Hani", "Hira", "Kana", "Hang", "Bopo", "Yiii", "Hebr", "Thai", "Laoo", "Tfng", "Lisu", "Osge", "Glag"),
        *("Zyyy", "Zinh", "Zzzz"),
    }
)
# Plain scripts in which HarfBuzz must still order and place the marks of a cluster.
SHAPED_PLAIN_SCRIPTS: Final = frozenset({"Hebr", "Thai", "Laoo"})

CONJOINING_JAMO: Final = regex.compile(r"[\u1100-\u11FF\uA960-\uA97F\uD7B0-\uD7FF]")

SQUARE: Final = regex.compile(
    r"[\u2E80-\uA4CF\uAC00-\uD7FF\uF900-\uFAFF\uFF00-\uFFEF\U00020000-\U0003FFFF]"  # Han, kana, hangul and their marks
)

RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})
LEFT_TO_RIGHT: Final = frozenset({"L", "EN", "AN"})


def clusters(text: str) -> tuple[str, ...]:
    """Return a text's grapheme clusters in order; spaces are separate entries."""
    return tuple(regex.findall(r"\X", text))


def is_square(character: str) -> bool:
    """Return whether a character fills a square, as Han, kana and hangul do."""
    return SQUARE.match(character) is not None


def needs_tables(cluster: str) -> bool:
    """Return whether a font must shape the cluster because its letters change form beside one another."""
    return is_composed(cluster) or not PLAIN_SCRIPTS.issuperset(map(script, cluster))


def needs_shaping(cluster: str) -> bool:
    """Return whether the cluster cannot be drawn as one plain character."""
    return len(cluster) > 1 or needs_tables(cluster) or script(cluster) in SHAPED_PLAIN_SCRIPTS


def is_composed(cluster: str) -> bool:
    """Return whether the cluster is a syllable of several jamo, which only fonts for Old Korean can draw."""
    return len(cluster) > 1 and CONJOINING_JAMO.match(cluster) is not None


def is_joining(cluster: str) -> bool:
    """Return whether the cluster's letters join their neighbours from right to left, as in Arabic."""
    return needs_tables(cluster) and unicodedata.bidirectional(cluster[0]) in RIGHT_TO_LEFT


def directions(written: Sequence[str]) -> list[bool]:
    """Return for each cluster whether it is part of right-to-left text.

    This is a simplified bidirectional algorithm (UAX #9) that suffices for words. Letters and digits have their own
    direction. Other characters take the direction of their neighbours if both agree, and otherwise the word's.
    """
    kinds = [unicodedata.bidirectional(cluster[0]) for cluster in written]
    known = [kind in RIGHT_TO_LEFT if kind in RIGHT_TO_LEFT | LEFT_TO_RIGHT else None for kind in kinds]
    first = is_right_to_left(written)
    return [_direction(known, index, first) for index in range(len(known))]


def is_right_to_left(written: Sequence[str]) -> bool:
    """Return whether a word is read from right to left, judged by its first letter."""
    letters = (unicodedata.bidirectional(cluster[0]) for cluster in written)
    return next((kind != "L" for kind in letters if kind in RIGHT_TO_LEFT | {"L"}), False)


def _direction(known: Sequence[bool | None], index: int, first: bool) -> bool:
    own = known[index]
    if own is not None:
        return own
    before = next((one for one in reversed(known[:index]) if one is not None), first)
    after = next((one for one in known[index + 1 :] if one is not None), first)
    return before if before == after else first
