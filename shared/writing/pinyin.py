"""Readings of Chinese words in pinyin."""

import re
import unicodedata
from typing import Final

TONES: Final = {"a": "āáǎà", "e": "ēéěè", "i": "īíǐì", "o": "ōóǒò", "u": "ūúǔù", "ü": "ǖǘǚǜ"}
SYLLABLE: Final = re.compile(r"([a-zü]+)([0-5])", re.IGNORECASE)
TONE_ACCENTS: Final = {"\u0304", "\u0301", "\u030c", "\u0300"}
# The first and the third tone, and tones in numbers. The accents of the others are also those of Spanish or Vietnamese.
CERTAIN: Final = re.compile(r"[\u0304\u030c]|[a-z\u0308][1-5]")
NUMBERED: Final = re.compile(r"[a-z:\u0308][1-5]")

SPELLING: Final = (
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    r"(?:iang|iong|uang|ueng|ang|eng|ing|ong|iao|ian|uai|uan|van|ai|ei|ao|ou|an|en|er|in|ia|ie|iu|ua|uo|ui|un|ue|ve|vn"
    r"|a|o|e|i|u|v)r?|hm|ng|r|m|n)"
)
# Atomic, since "ang" may also be a and ng: n such syllables could be split in 2ⁿ ways.
SPELLINGS: Final = re.compile(rf"(?>{SPELLING}[1-5]?[\s'’·\-/,.?!]*)++")
LONGEST: Final = 500  # characters, because Unicode's order of accents takes quadratic time


def same_reading(asked: str, reading: str) -> bool:
    """Return whether a caller's reading ("zhang3", "ZHǍNG", "zhǎng") matches a word's; without tones, any matches."""
    wanted, known = _canonical(asked), _canonical(reading)
    return wanted == known or (_toneless(wanted) == wanted and wanted == _toneless(known))


def is_pinyin(text: str, *, with_tones: bool) -> bool:
    """Return whether a text of up to `LONGEST` characters can be pinyin.

    Args:
        text: the text.
        with_tones: require tone marks or numbers: one in a word, on half of the syllables of several, since "banana"
            looks like toneless pinyin.
    """
    if len(text) > LONGEST:
        return False
    split = unicodedata.normalize("NFD", text.casefold().replace("u:", "v"))
    plain = "".join(letter for letter in split.replace("u\u0308", "v") if letter not in TONE_ACCENTS)
    if SPELLINGS.fullmatch(plain.replace("\u0308", "")) is None:
        return False
    tones = sum(map(split.count, TONE_ACCENTS)) + len(NUMBERED.findall(split))
    return not with_tones or tones * 2 >= (syllables(text) if " " in text.strip() else 1)


def has_certain_tones(text: str) -> bool:
    """Return whether a pinyin has a tone whose mark hardly any other language writes."""
    return CERTAIN.search(unicodedata.normalize("NFD", text[:LONGEST].casefold())) is not None


def syllables(text: str) -> int:
    """Return the approximate number of syllables in a text in Latin letters: its groups of vowels."""
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text.casefold()) if letter.isascii())
    return len(re.findall(r"[aeiouv]+", plain))


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
