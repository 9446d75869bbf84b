"""Japanese syllables."""

import re
import unicodedata
from typing import Final

# Hiragana and katakana, without the middle dot and the long vowel mark, which other scripts use as well.
KANA: Final = re.compile(r"[ぁ-ゖゝゞァ-ヺヽヾ]")
KATAKANA: Final = range(ord("ァ"), ord("ヶ") + 1)
TO_HIRAGANA: Final = {code: code - (ord("ァ") - ord("ぁ")) for code in KATAKANA}


def has_kana(text: str) -> bool:
    """Return whether a text contains a kana."""
    return KANA.search(text) is not None


def same_kana(asked: str, reading: str) -> bool:
    """Return whether a caller's reading ("ベンキョウ", "べん きょう") matches a word's ("べんきょう")."""
    return _canonical(asked) == _canonical(reading)


def _canonical(reading: str) -> str:
    """Return a reading in hiragana, without spaces and the dots that divide words and stems."""
    return re.sub(r"[\s・.·-]", "", unicodedata.normalize("NFKC", reading)).translate(TO_HIRAGANA)
