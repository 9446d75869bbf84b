"""Where a long word may be divided at the end of a line, by rules that hold in most languages of an alphabet.

A word's language is unknown, so its language's own patterns cannot be used. A syllable begins with the last consonant
before a vowel, or with a consonant group that also begins words (Kran-ken-ver-si-che-rung). Only alphabets that are
divided with a hyphen have rules; Arabic, Hebrew and Thai, for example, are not.
"""

import unicodedata
from collections.abc import Sequence
from typing import Final

import regex

from shared.writing.clusters import needs_shaping

# Words with at most this number of characters are never divided.
LONGEST_UNDIVIDED: Final = 12
# Characters that stay on each side of a division.
LEAST_PART: Final = 3

# Letters without their accents.
VOWEL: Final = "[aeiouyæœøıəɛɔ αεηιουω аеиоуыэюяєіәөүұ]".replace(" ", "")
# Groups that begin a syllable together; the longest come first.
ONSET: Final = (
    r"sch[lmnrw]?|[cgkpstwz]h|ck|[bcdfgkptvw][lr]|[βγδθκπτφχ][λρ]|[бвгдкптф][лр]"
    rf"|[[\p{{Latin}}\p{{Greek}}\p{{Cyrillic}}]--{VOWEL}--[ьъ]]"
)
SYLLABLE: Final = regex.compile(rf"(?:{ONSET})(?={VOWEL})", regex.V1)
HAS_VOWEL: Final = regex.compile(VOWEL)
HYPHENS: Final = "-‐–"
# "COVID-19-Impfung" is divided after 19, telephone numbers are not.
BEFORE_LETTERS: Final = regex.compile(rf"(?<=[\p{{L}}\p{{N}}])[{HYPHENS}](?=\p{{L}})")


def divisions(written: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the grapheme clusters before which a word may be divided; none for a short word.

    After a hyphen of the word's own it may be divided, too, unless it has letters that their neighbours shape or that
    are written from right to left: these are set in one line.
    """
    if len(written) <= LONGEST_UNDIVIDED:
        return ()
    letters = "".join(map(_bare, written))
    if any(map(needs_shaping, letters)):
        return ()
    hyphens = {match.end() for match in BEFORE_LETTERS.finditer(letters)}
    syllables = {match.start() for match in SYLLABLE.finditer(letters)}
    return tuple(sorted(hyphens | {place for place in syllables if _leaves_parts(letters, place)}))


def _leaves_parts(letters: str, place: int) -> bool:
    """Return whether both parts of a word have enough letters next to the division, and a vowel before it."""
    before = regex.split(r"\P{L}", letters[:place])[-1]
    after = regex.split(r"\P{L}", letters[place:])[0]
    return min(len(before), len(after)) >= LEAST_PART and HAS_VOWEL.search(before) is not None


def _bare(cluster: str) -> str:
    """Return a cluster's base letter in lower case. Cyrillic й is a consonant of its own."""
    letter = cluster[0].lower()[0]
    return letter if letter == "й" else unicodedata.normalize("NFD", letter)[0]
