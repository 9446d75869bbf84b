"""The reading that a word has in a given meaning, such as zhǎng for 长 in "to grow up"."""

import re
from collections.abc import Sequence
from typing import Final

from shared.writing.lexicon import Sense
from shared.writing.stems import stem
from shared.writing.terms import NOTE, SEPARATOR

WORD: Final = re.compile(r"[a-z]+")
# How dictionaries begin the sense of a measure word.
MEASURE_WORD: Final = re.compile(r"\b(?:measure word|classifier|counter)\b")
ARTICLES: Final = frozenset({"a", "an", "the"})
# Words that say little about which sense is meant.
COMMON_WORDS: Final = ARTICLES | {
    "and", "as", "at", "be", "by", "do", "down", "for", "get", "have", "in", "is", "it", "make", "of", "off", "on",
    "one", "or", "out", "put", "s", "sb", "somebody", "someone", "something", "sth", "take", "to", "up", "with",
}  # fmt: skip
# A reading whose senses all come later is rare.
LEADING: Final = 5


def reading_meant(translation: str, senses: Sequence[Sense]) -> str | None:
    """Return the reading of a word in the sense of an English translation; None if that is not certain.

    The reading whose senses have most parts of the translation is meant, otherwise one with a sense that has most of
    its words. Without either, it is the usual one, if that has verbs for a verb and other senses for others.
    """
    text = translation.casefold()
    senses = _measuring(text, senses)
    readings = _glosses(senses)
    if len(readings) <= 1:
        return next(iter(readings), None)
    likeness = {reading: _likeness(text, glosses) for reading, glosses in readings.items()}
    best = max(likeness, key=likeness.__getitem__)
    if any(likeness[best]):
        return best
    usual = usual_reading(senses)
    return usual if usual and any(_is_verb(gloss) == _is_verb(text) for gloss in readings[usual]) else None


def usual_reading(senses: Sequence[Sense]) -> str | None:
    """Return the reading of a word's first sense; None if other senses that are frequent have another reading."""
    first = senses[0].reading
    own = _glosses(senses)[first]
    is_certain = all(
        sense.reading.casefold() == first.casefold() or sense.gloss.casefold() in own for sense in senses[:LEADING]
    )
    return first if is_certain else None


def _glosses(senses: Sequence[Sense]) -> dict[str, list[str]]:
    """Return the glosses of each reading, in lower case."""
    found: dict[str, list[str]] = {}
    for sense in senses:
        found.setdefault(sense.reading, []).append(sense.gloss.casefold())
    return found


def _measuring(text: str, senses: Sequence[Sense]) -> Sequence[Sense]:
    """Return the measure words of senses if a text describes one, otherwise the others; all if there are none."""
    is_measure_word = bool(MEASURE_WORD.search(text))
    return [sense for sense in senses if bool(MEASURE_WORD.search(sense.gloss)) == is_measure_word] or senses


def _likeness(text: str, glosses: Sequence[str]) -> tuple[int, int, int]:
    """Return how much of a text a reading's glosses have: parts, words in a gloss of the same kind, words in any."""
    parts = set[frozenset[str]]().union(*map(_parts, glosses))
    shared = {gloss: len(_telling(text) & _telling(gloss)) for gloss in glosses}
    of_kind = (count for gloss, count in shared.items() if _is_verb(gloss) or not _is_verb(text))
    return len(parts & _parts(text)), max(of_kind, default=0), max(shared.values())


def _is_verb(text: str) -> bool:
    return text.startswith("to ") and not text.startswith("to be ")


def _parts(text: str) -> set[frozenset[str]]:
    """Return the words of each part of a list of senses, without notes, articles and the "to" of verbs."""
    parts = (part.strip().removeprefix("to ") for part in SEPARATOR.split(NOTE.sub(" ", text)))
    words = (frozenset(WORD.findall(part)) - ARTICLES for part in parts)
    return set(filter(None, words))


def _telling(text: str) -> set[str]:
    """Return a text's words, those in notes too, that tell one sense from another."""
    return {stem(word) for word in WORD.findall(MEASURE_WORD.sub(" ", text)) if word not in COMMON_WORDS}
