"""Grapheme clusters: what a reader takes for one character, and how it is drawn."""

import unicodedata
from collections.abc import Sequence
from typing import Final

import regex

from shared.writing.unicode_script import script

JOINERS: Final = "\u200c\u200d"

# Scripts whose letters are drawn as they are, one after the other, accents apart. All others are written with other
# forms of their letters, which a font must have (OpenType specification, "Developing fonts for specific scripts").
PLAIN_SCRIPTS: Final = frozenset(
    {
        *("Latn", "Grek", "Cyrl", "Armn", "Geor", "Copt", "Goth", "Runr", "Ogam", "Cher", "Cans", "Ethi", "Vaii"),
        *("Hani", "Hira", "Kana", "Hang", "Bopo", "Yiii", "Hebr", "Thai", "Laoo", "Tfng", "Lisu", "Osge", "Glag"),
        *("Zyyy", "Zinh", "Zzzz"),
    }
)
# Plain, but HarfBuzz has to order and place the signs of their clusters.
SHAPED_PLAIN_SCRIPTS: Final = frozenset({"Hebr", "Thai", "Laoo"})

CONJOINING_JAMO: Final = regex.compile(r"[\u1100-\u11FF\uA960-\uA97F\uD7B0-\uD7FF]")

RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})
LEFT_TO_RIGHT: Final = frozenset({"L", "EN", "AN"})


def clusters(text: str) -> tuple[str, ...]:
    """Return a text's grapheme clusters in order; spaces are entries of their own."""
    return tuple(regex.findall(r"\X", text))


def needs_tables(cluster: str) -> bool:
    """Return whether a font must shape the cluster: its letters have other forms beside one another."""
    return is_composed(cluster) or not PLAIN_SCRIPTS.issuperset(map(script, cluster))


def needs_shaping(cluster: str) -> bool:
    """Return whether the cluster cannot be drawn as one plain character."""
    return len(cluster) > 1 or needs_tables(cluster) or script(cluster) in SHAPED_PLAIN_SCRIPTS


def is_composed(cluster: str) -> bool:
    """Return whether the cluster is a syllable of several jamo, which only fonts for old Korean can draw."""
    return len(cluster) > 1 and CONJOINING_JAMO.match(cluster) is not None


def is_joining(cluster: str) -> bool:
    """Return whether the cluster's letters join their neighbours, from right to left, as Arabic's do."""
    return needs_tables(cluster) and unicodedata.bidirectional(cluster[0]) in RIGHT_TO_LEFT


def directions(written: Sequence[str]) -> list[bool]:
    """Return for each cluster whether it stands in text from right to left.

    A short form of the bidirectional algorithm (UAX #9) that suffices for words: letters and digits have their own
    direction, other signs that of both their neighbours, else the word's.
    """
    kinds = [unicodedata.bidirectional(cluster[0]) for cluster in written]
    known = [kind in RIGHT_TO_LEFT if kind in RIGHT_TO_LEFT | LEFT_TO_RIGHT else None for kind in kinds]
    first = is_right_to_left(written)
    return [_direction(known, index, first) for index in range(len(known))]


def is_right_to_left(written: Sequence[str]) -> bool:
    """Return whether a word is read from right to left: its first letter is."""
    letters = (unicodedata.bidirectional(cluster[0]) for cluster in written)
    return next((kind != "L" for kind in letters if kind in RIGHT_TO_LEFT | {"L"}), False)


def _direction(known: Sequence[bool | None], index: int, first: bool) -> bool:
    own = known[index]
    if own is not None:
        return own
    before = next((one for one in reversed(known[:index]) if one is not None), first)
    after = next((one for one in known[index + 1 :] if one is not None), first)
    return before if before == after else first
