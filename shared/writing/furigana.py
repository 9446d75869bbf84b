"""Readings in brackets, as learning programs and dictionaries write them into Japanese and Chinese words."""

from typing import Final

import regex

from shared.writing.pinyin import is_pinyin

# Anki's: " 食[た]べる". A space marks the start of the base, and ";" an accent.
INLINE: Final = regex.compile(r" ?(?<![^ >\]])([^ >\[\]]++)(?:\[([\u3041-\u30ffー;,a-z0-9]++)\])++")
# Dictionaries': "食べる（たべる）", "食べる【たべる】", "苹果 (píngguǒ)"
WHOLE: Final = regex.compile(r"([^\[［(（【]++)[\[［(（【]([^\[［(（【\]］)）】]++)[\]］)）】]")
# What textbooks add to a word in brackets: a particle, a verb or an ending. It belongs to the word.
ADDED: Final = frozenset({
    "する", "します", "な", "だ", "です", "の", "に", "を", "が", "は", "へ", "と", "で", "も", "さん", "さま",
    "ちゃん", "くん", "たち", "がた", "ら",
})  # fmt: skip
# Chinese words without a tone.
TONELESS: Final = {
    "的": "de", "了": "le", "吗": "ma", "嗎": "ma", "呢": "ne", "吧": "ba", "得": "de", "地": "de", "着": "zhe",
    "著": "zhe", "啊": "a", "呀": "ya", "嘛": "ma", "啦": "la", "们": "men", "們": "men", "么": "me", "麼": "me",
    "个": "ge", "個": "ge", "过": "guo", "過": "guo", "子": "zi",
}  # fmt: skip
HAN: Final = regex.compile(r"\p{Script=Han}")
KANA: Final = regex.compile(r"[\u3041-\u30ff]")
KANA_ALONE: Final = regex.compile(r"[\u3041-\u30ff]++")
OKURIGANA: Final = regex.compile(r"[\u3041-\u3096]*$")


def split_furigana(text: str) -> tuple[str, str]:
    """Return a text without the readings in its brackets, and its reading if it is in kana or pinyin, or "".

    What a textbook adds in brackets is part of the word: 勉強（する） is 勉強する.
    """
    word, reading = (INLINE.sub(replacement, text).strip() for replacement in (_base, _reading))
    if whole := WHOLE.fullmatch(word):
        base, inside = whole[1].strip(), whole[2].strip()
        if inside in ADDED and len(base) > 1 and _can_be_read(base, inside):  # 名（な） is read so
            return base + inside, ""
        if is_reading(base, inside):
            return base, inside
    return word, reading if reading != word and (KANA.search(reading) or is_pinyin(reading, with_tones=True)) else ""


def is_reading(word: str, text: str) -> bool:
    """Return whether a text can be the reading of a whole word: in kana, or in pinyin with the tones that it has."""
    if KANA_ALONE.fullmatch(text):
        return _can_be_read(word, text)
    is_toneless = TONELESS.get(word) == text.casefold()
    return is_toneless or (HAN.search(word) is not None and is_pinyin(text, with_tones=True))


def _base(match: regex.Match[str]) -> str:
    return match[1] if _is_furigana(match) else match[0]


def _reading(match: regex.Match[str]) -> str:
    return match[2].partition(";")[0] if _is_furigana(match) else match[0]


def _is_furigana(match: regex.Match[str]) -> bool:
    return KANA.search(match[2]) is not None or HAN.search(match[1]) is not None


def _can_be_read(word: str, reading: str) -> bool:
    """Return whether kana can be the reading of a whole word: it ends with the word's own kana and has more."""
    okurigana = OKURIGANA.search(word)
    own = okurigana[0] if okurigana is not None else ""
    return HAN.search(word) is not None and reading != own and reading.endswith(own)
