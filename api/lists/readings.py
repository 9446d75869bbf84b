"""Readings beside a word or before its meaning, as people type them into one cell: 苹果 píngguǒ, たべる - to eat."""

import re
import unicodedata
from itertools import takewhile

from shared.writing.furigana import ADDED, HAN, is_reading
from shared.writing.pinyin import TONE_ACCENTS, is_pinyin, syllables
from shared.writing.word_classes import WORD_CLASS

KANA = r"[\u3041-\u30ff]+"
PUNCTUATION = " -–—:：,，;；/="
SEPARATOR = rf"\s*[{re.escape(PUNCTUATION.strip())}]\s*"
IN_BRACKETS = re.compile(rf"[(（\[［【]([^()（）\[\]［］【】]+)[)）\]］】](?:{SEPARATOR}|\s*)(\S.*)")
BEFORE_SLASH = re.compile(r"([^/／\s]+)\s*[/／]\s*(\S.*)")  # píngguǒ/apple
IN_KANA = re.compile(rf"({KANA})(?:{SEPARATOR}|\s+)([^\s\u3041-\u30ff].*)")
AND_CLASS = re.compile(rf"[,;，；]\s*{WORD_CLASS}$")  # (píngguǒ, n.)
IN_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
LONGEST = 200  # characters of a cell with a reading


def split_spaced(text: str) -> tuple[str, str]:
    """Return a word without the reading that a space divides from it, and that reading, or ""; kana may stand first."""
    if len(text) > LONGEST:
        return text, ""
    tokens = text.split()
    count = len(list(takewhile(lambda token: HAN.search(token) or not IN_LATIN.match(token), tokens)))
    word, reading = " ".join(tokens[:count]), " ".join(tokens[count:])
    if word and reading and is_reading(word, reading):
        return word, reading
    if len(tokens) == 2:
        for written, spoken in (tokens, reversed(tokens)):  # 大学 だいがく, だいがく 大学
            if (
                HAN.search(written)
                and re.fullmatch(KANA, spoken)
                and spoken not in ADDED
                and is_reading(written, spoken)
            ):
                return written, spoken
    return text, ""


def split_meaning(text: str, word: str = "") -> tuple[str, str]:
    """Return the reading that a meaning begins with, or "", and the rest of the meaning.

    Args:
        text: the meaning.
        word: the word; pinyin without brackets is recognised only after one in Chinese characters.
    """
    if len(text) > LONGEST:
        return "", text
    for pattern in (IN_BRACKETS, IN_KANA, *([BEFORE_SLASH] if HAN.search(word) else [])):
        if (found := pattern.fullmatch(text)) is None:
            continue
        reading = AND_CLASS.sub("", found[1])
        if re.fullmatch(KANA, reading) or is_pinyin(reading, with_tones=True):
            return reading, found[2]
    return _split_pinyin(text, word) if HAN.search(word) else ("", text)


def _split_pinyin(text: str, word: str) -> tuple[str, str]:
    """Return the pinyin of a Chinese word that a text begins with, and the rest."""
    tokens = text.split()
    most = len(HAN.findall(word))
    least = len(HAN.findall(word[:1] + word[1:].replace("儿", "")))  # 儿 often is no syllable of its own
    count = spoken = 0
    while count < len(tokens) and _continues(tokens[count], most - spoken, least - spoken):
        spoken += _spoken(tokens[count])
        count += 1
    reading = " ".join(tokens[:count]).rstrip(PUNCTUATION)
    if count == len(tokens) or spoken < least or not is_reading(word, reading):
        return "", text
    return reading, " ".join(tokens[count:]).lstrip(PUNCTUATION)


def _continues(token: str, missing: int, surely_missing: int) -> bool:
    """Return whether a token goes on with pinyin of which syllables are missing; it may have no tone where one must."""
    bare = token.rstrip(PUNCTUATION)
    if surely_missing > 0 and is_pinyin(bare, with_tones=False):
        return True
    return missing > 0 and is_pinyin(bare, with_tones=True)


def _spoken(token: str) -> int:
    """Return the number of a token's syllables; shíèr has two tones, but one group of vowels."""
    tones = sum(mark in TONE_ACCENTS for mark in unicodedata.normalize("NFD", token))
    return max(syllables(token), tones)
