"""Readings of Chinese words in pinyin."""

import re
import unicodedata
from typing import Final

TONES: Final = {"a": "āáǎà", "e": "ēéěè", "i": "īíǐì", "o": "ōóǒò", "u": "ūúǔù", "ü": "ǖǘǚǜ"}
SYLLABLE: Final = re.compile(r"([a-zü]+)([0-5])", re.IGNORECASE)
TONE_ACCENTS: Final = {"\u0304", "\u0301", "\u030c", "\u0300"}


def same_reading(asked: str, reading: str) -> bool:
    """Return whether a caller's reading ("zhang3", "ZHǍNG", "zhǎng") matches a word's; without tones, any matches."""
    wanted, known = _canonical(asked), _canonical(reading)
    return wanted == known or (_toneless(wanted) == wanted and wanted == _toneless(known))


def mark_tone(syllable: str) -> str:
    """Return a numbered syllable with its tone mark: on a or e, on the o of ou, otherwise on the last vowel."""
    match = SYLLABLE.fullmatch(syllable)
    if match is None:
        return syllable
    letters, tone = match[1], int(match[2])
    if tone in {0, 5}:
        return "r" if letters == "r" else letters
    small = letters.lower()
    place = next((small.index(vowel) for vowel in ("a", "e", "ou") if vowel in small), -1)
    place = place if place >= 0 else max(small.rfind(vowel) for vowel in "iouü")
    if place < 0:
        return letters
    marked = TONES[small[place]][tone - 1]
    return letters[:place] + (marked.upper() if letters[place].isupper() else marked) + letters[place + 1 :]


def _canonical(reading: str) -> str:
    """Return a reading in lower case with tone marks, without spaces, apostrophes and hyphens."""
    plain = unicodedata.normalize("NFKC", reading).casefold().replace("u:", "ü").replace("v", "ü")
    marked = SYLLABLE.sub(lambda match: mark_tone(match[0]), plain)
    return re.sub(r"[\s'’·-]", "", marked)


def _toneless(reading: str) -> str:
    letters = (letter for letter in unicodedata.normalize("NFD", reading) if letter not in TONE_ACCENTS)
    return unicodedata.normalize("NFC", "".join(letters))
