"""The scripts of a text, as far as word lists need to distinguish them."""

import re
import unicodedata
from functools import lru_cache

from shared.writing.pinyin import TONE_ACCENTS
from shared.writing.unicode_script import script, script_name, scripts_using

COMMON = "Zyyy"
KANA = frozenset({"Hira", "Kana"})  # a language uses both, so they count as one script

SYLLABLE = (
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    r"(?:iang|iong|uang|ueng|ang|eng|ing|ong|iao|ian|uai|uan|van|ai|ei|ao|ou|an|en|er|in|ia|ie|iu|ua|uo|ui|un|ue|ve|vn"
    r"|a|o|e|i|u|v)r?|hm|ng|r|m|n)"
)
# Atomic, since "ang" may also be a and ng: n such syllables could be split in 2ⁿ ways.
PINYIN = re.compile(rf"(?>{SYLLABLE}[1-5]?[\s'’·\-/,]*)++")
LONGEST_PINYIN = 500  # characters, because Unicode's order of accents takes quadratic time


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """Return the script of a letter ("Han", "Kana", "Latin", "Cyrillic", …).

    Return "" if it is not a letter, or does not tell scripts apart, such as the apostrophe in п\u02bcять.
    """
    if not character.isalpha() and character != "〇":
        return ""
    code = script(character)
    codes = scripts_using(character) if code == COMMON else {code}
    if codes <= KANA:
        return "Kana"
    return script_name(min(codes)) if len(codes) == 1 and COMMON not in codes else ""


def scripts_in(text: str) -> frozenset[str]:
    """Return the scripts of a text's letters."""
    return frozenset(filter(None, map(script_of, text)))


def is_pinyin(text: str, *, with_tones: bool) -> bool:
    """Return whether a text of up to `LONGEST_PINYIN` characters can be pinyin.

    Args:
        text: the text.
        with_tones: require a tone mark or number.
    """
    if len(text) > LONGEST_PINYIN:
        return False
    split = unicodedata.normalize("NFD", text.casefold().replace("u:", "v"))
    plain = "".join(letter for letter in split.replace("u\u0308", "v") if letter not in TONE_ACCENTS)
    has_tones = any(letter in TONE_ACCENTS for letter in split) or re.search(r"[a-zü:][1-5]", split) is not None
    return (has_tones or not with_tones) and PINYIN.fullmatch(plain.replace("\u0308", "")) is not None


def syllables(text: str) -> int:
    """Return the approximate number of syllables in a text in Latin letters: its groups of vowels."""
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text.casefold()) if letter.isascii())
    return len(re.findall(r"[aeiouv]+", plain))
