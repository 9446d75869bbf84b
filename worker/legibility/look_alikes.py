"""Characters that look alike when each is shown alone, without its neighbours and without the line's height.

Han characters are told apart from all others. Only those that the judge does not know may be read as another form of
themselves, such as 恵 as 惠.
"""

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Final

from shared.writing.clusters import JOINERS
from shared.writing.word_file import read_words

# Each of a group may be read as any other of it, also under the same accents: ó and Ó.
GROUPS: Final = (
    # Latin, Greek and Cyrillic letters
    *("Il1|ıΙІӀ", "Oo0ΟοОо", "AΑА", "aαа", "BΒВв", "CcСс", "EΕЕ", "eе", "HΗНн", "KkΚκКк", "MΜМм", "NΝ", "PΡР", "pр"),
    *("SsЅѕ", "TΤТт", "Uuυ", "Vvν", "Ww", "XxΧχ×Хх", "YΥУ", "yу", "ZzΖ", "iі", "jј", "hһ", "ĐÐ", "ßβ", "Øø∅", "Δ∆△"),
    *("ΦφФф", "Ψψ", "Σ∑", "εɛ", "μµ", "Λʌ", "əǝӘә", "Зз3", "ГгΓ", "ПпΠ", "Дд", "Жж", "Ии", "Лл", "Цц", "Чч", "Шш"),
    *("Щщ", "Ъъ", "Ыы", "Ьь", "Ээ", "Юю", "Яя", "Єє", "Ґґ", "Ђђ", "Јј", "Љљ", "Њњ", "Ћћ", "Џџ", "Ғғ", "Ққ", "Ңң", "Үү"),
    *("Ұұ", "Һһ", "Өө"),
    # Small and large kana, and those that hiragana and katakana share
    *("ぁあ", "ぃい", "ぅう", "ぇえ", "ぉお", "っつ", "ゃや", "ゅゆ", "ょよ", "ゎわ", "ゕか", "ゖけ", "へヘ", "りリ"),
    *("ァア", "ィイ", "ゥウ", "ェエ", "ォオ", "ッツ", "ャヤ", "ュユ", "ョヨ", "ヮワ", "ヵカ", "ヶケ"),
    # Forms of the same Arabic letter that are drawn alike in some places of a word; Thai's obsolete consonants
    *("يىی", "كک", "هھہ", "ةۃ", "ขฃ", "คฅ", "าๅ"),
    # Punctuation
    *("-‐–—－", "!！", "?？", ",，", ".．", ":：", ";；", "(（", ")）", "[［", "]］", "«《", "»》", "·•・", "'’′"),
    *("~〜～", '"“”', "/／"),
)  # fmt: skip
# Kana may be read as what they resemble, but not the reverse. Written vertically, ー is a vertical stroke.
READ_FOR_KANA: Final = {
    "ェ": "工", "エ": "工", "ォ": "才", "オ": "才", "ヵ": "力", "カ": "力", "キ": "丰", "タ": "夕", "チ": "千",
    "ト": "卜", "ニ": "二", "ヌ": "又", "ハ": "八", "ホ": "木", "ミ": "三", "ロ": "口", "ー": "一丨1Il|",
    "メ": "Xx×乂", "レ": "L", "へ": "^Λ∧", "ヘ": "^Λ∧",
}  # fmt: skip
# Under the dot of ं, Devanagari's crescent (as in ॉ) looks like ँ.
DOTTED_CRESCENTS: Final = {"\u0949\u0902": "\u093e\u0901", "\u0945\u0902": "\u0901", "ऑं": "आँ", "ऍं": "एँ"}
# Made by `training/variants.py`: on each line a Han character and the forms as which it may be read.
VARIANTS_PATH: Final = Path(__file__).parents[1] / "data" / "variants.txt"


@lru_cache(maxsize=4096)
def look_alikes(character: str) -> frozenset[str]:
    """Return the characters as which a character may be read when it is shown alone, itself among them.

    Joiners, which are part of a grapheme cluster, are invisible.
    """
    bare = "".join(one for one in character if one not in JOINERS)
    decomposed = unicodedata.normalize("NFD", bare)
    base, marks = decomposed[0], decomposed[1:]
    twins = {twin for group in GROUPS if base in group for twin in group}
    dotted = {bare.replace(crescent, nasal) for crescent, nasal in DOTTED_CRESCENTS.items()}
    marked = {unicodedata.normalize("NFC", twin + marks) for twin in twins}
    forms = READ_FOR_KANA.get(character, "") + readable_forms().get(character, "")
    return frozenset({bare} | dotted | marked | set(forms))


@lru_cache(maxsize=1)
def readable_forms() -> dict[str, str]:
    """Return the Han characters that the judge does not know, each with the forms as which it may be read.

    Raises:
        SettingsError: their file cannot be read.
    """
    return {line[0]: line[1:] for line in read_words(VARIANTS_PATH, "list of variant characters")}
