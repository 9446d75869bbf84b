"""The words of a language with their English meanings, from an English dictionary in the format DSL, read backwards."""

import gzip
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADING = re.compile(r"\[p\]<([^>]*)>\[/p\]")
NOTE = re.compile(r"\[i\]\(.*\)\[/i\]")
LABEL = re.compile(r"\\\[[^\[\]]*\\\]|\[p\].*?\[/p\]|\[c gray\].*?\[/c\]|\[/?m\d?\]|\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Use:
    """One English sense that a word translates.

    Attributes:
        english: the English word.
        part: its part of speech: "n", "v", "adj".
        is_main: whether the sense is the English word's first.
        place: the word's place among the sense's translations, from 0.
    """

    english: str
    part: str
    is_main: bool
    place: int


def read_reversed(path: Path) -> dict[str, list[Use]]:
    """Return each word that the dictionary gives as a translation, with what it translates."""
    uses: dict[str, list[Use]] = defaultdict(list)
    for english, heading, translations in _senses(gzip.decompress(path.read_bytes()).decode("utf-16-le")):
        part = HEADING.search(heading)
        is_main = NOTE.search(heading) is None  # the notes of all other senses are in italics
        for place, word in enumerate(_words(translations)):
            uses[word].append(Use(english, part[1] if part else "", is_main, place))
    return dict(uses)


def _senses(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the English word of each sense, the sense's heading, and its translations."""
    for entry in text.replace("\r", "").split("\n\n"):
        english, *lines = entry.strip("\n").split("\n")
        if len(lines) >= 2 and not english.startswith("#"):
            yield english, lines[0], " ".join(lines[1:])


def _words(translations: str) -> list[str]:
    """Return the translations without labels, genders and transcriptions."""
    if "SEE:" in translations:
        return []
    words = (" ".join(one.split()) for one in LABEL.sub(" ", translations).split(","))
    return [word for word in words if word]
