"""The characters that the recogniser knows."""

import unicodedata
from collections.abc import Iterable
from typing import Final

# Letters of the initial, the vowel and the final of a hangul syllable; the first final is none.
INITIALS, VOWELS, FINALS = 19, 21, 28
FIRST_SYLLABLE: Final = 0xAC00
SYLLABLES: Final = tuple(chr(FIRST_SYLLABLE + number) for number in range(INITIALS * VOWELS * FINALS))

RANGES: Final = (
    (0x00C0, 0x0180),  # Latin with accents
    (0x01A0, 0x01A2), (0x01AF, 0x01B1), (0x01CD, 0x01DD), (0x0218, 0x021C),  # horns, carons, commas
    (0x1EA0, 0x1EFA),  # Vietnamese
    (0x0386, 0x03CF),  # Greek
    (0x0400, 0x0460), (0x0490, 0x049E), (0x04A2, 0x04A4), (0x04AE, 0x04B4), (0x04BA, 0x04BC), (0x04D8, 0x04DA),
    (0x04E8, 0x04EA),  # Cyrillic
    (0x05D0, 0x05EB),  # Hebrew
    (0x3041, 0x3097), (0x30A1, 0x30FB),  # kana
)  # fmt: skip


def letters() -> tuple[str, ...]:
    """Return the letters that have a class of their own, in order."""
    return tuple(character for character in _listed() if unicodedata.category(character)[0] == "L")


def _listed() -> Iterable[str]:
    return (chr(code) for first, end in RANGES for code in range(first, end))


def jamo(syllable: str) -> tuple[int, int, int]:
    """Return the numbers of a hangul syllable's initial, vowel and final."""
    number = ord(syllable) - FIRST_SYLLABLE
    return number // (VOWELS * FINALS), number // FINALS % VOWELS, number % FINALS
