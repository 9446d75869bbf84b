"""The normal form of words, for text pasted from documents and web pages or typed on any keyboard.

Texts that read and look the same become one word. Characters that Unicode calls compatible but that look different
(①, ², ½, ſ) are left unchanged. docs/reference/words.md has the table.
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import regex

from shared.errors import InvalidWord, UnsupportedCharacter
from shared.writing.clusters import JOINERS, SQUARE, clusters, is_square
from shared.writing.encodings import check_encoding
from shared.writing.furigana import split_furigana
from shared.writing.hyphenation import LONGEST_UNDIVIDED, divisions
from shared.writing.kana import has_kana
from shared.writing.language import LanguageChoice
from shared.writing.radicals import IDEOGRAPHS, KEPT
from shared.writing.scripts import check_scripts

# In letters. A character that fills a square (Han, kana, hangul) counts as two.
MAX_WORD_LENGTH: Final = 24
LENGTH_RULE: Final = f"1 to {MAX_WORD_LENGTH} letters, or {MAX_WORD_LENGTH // 2} Han characters, kana or hangul"
# Vietnamese and Yoruba need two, and Hebrew with vowels and accents needs four.
MAX_ACCENTS: Final = 4
# Burmese stacks six signs on a consonant, Tibetan more.
MAX_SIGNS: Final = 8
# The longest conjuncts of Sanskrit have five consonants, each with its virama, plus a vowel and a sign.
MAX_CLUSTER_LENGTH: Final = 16
# Code points of a word as sent: room for invisible characters, and for letters that were decoded as several. Bringing
# accents into Unicode's order takes quadratic time.
MAX_SENT_LENGTH: Final = 300

# Letters, marks, numbers and punctuation can be written; symbols (emoji among them), controls, surrogates, private
# and unassigned code points cannot.
WRITABLE_CATEGORIES = frozenset("LMNP")
# Symbols in Unicode that are written nevertheless: two radicals, and the neutral tone of bopomofo.
WRITABLE_SYMBOLS = KEPT | {"˙"}

# Types of Unicode compatibility decompositions that change neither the reading nor the appearance.
FOLDED_KINDS = frozenset(
    {"<wide>", "<narrow>", "<font>", "<small>", "<square>", "<initial>", "<medial>", "<final>", "<isolated>"}
)
# The types <compat> and <vertical> are mixed; these ranges of them are folded.
FOLDED_RANGES = (
    (0x0132, 0x0133),  # Ĳ ĳ
    (0x013F, 0x0140),  # Ŀ ŀ, of Catalan l·l
    (0x0149, 0x0149),  # ŉ
    (0x01C4, 0x01CC),  # Ǆ … ǌ
    (0x01F1, 0x01F3),  # Ǳ ǲ ǳ
    (0x00B5, 0x00B5),  # µ
    (0x2160, 0x217F),  # Roman numerals
    (0x2474, 0x24B5),  # ⑴ ⒈ ⒜
    (0x2E9F, 0x2E9F),  # ⺟
    (0x2EF3, 0x2EF3),  # ⻳
    (0x2F00, 0x2FD5),  # Kangxi radicals
    (0x3200, 0x3243),  # ㈠, ㈱
    (0x32C0, 0x32CB),  # ㋀: months
    (0x3358, 0x3370),  # ㍘: hours
    (0x33E0, 0x33FE),  # ㏠: days
    (0xFB00, 0xFB06),  # ﬀ ﬁ
    (0xFB13, 0xFB17),  # Armenian ligatures
    (0xFE10, 0xFE44),  # punctuation of vertical lines
)
# These full-width forms would fold to ASCII symbols. Some keyboards type a kana's voicing mark as a separate character.
SPECIAL = {"～": "〜", "゛": "\u3099", "゜": "\u309a", "－": "-", "‑": "-"}

# Scripts whose letters change form beside a joiner.
JOINING_SCRIPTS = (
    "Adlam", "Arabic", "Bengali", "Devanagari", "Gujarati", "Gurmukhi", "Hanifi_Rohingya", "Kannada", "Khmer",
    "Malayalam", "Mandaic", "Mongolian", "Myanmar", "Nko", "Oriya", "Phags_Pa", "Sinhala", "Sogdian", "Syriac",
    "Tamil", "Telugu", "Tibetan",
)  # fmt: skip
_JOINING = "".join(rf"\p{{Script={script}}}" for script in JOINING_SCRIPTS)
_JOINING_LETTER = rf"[[{_JOINING}]&&[\p{{L}}\p{{M}}]]"
JOINER = regex.compile(
    rf"(?<={_JOINING_LETTER})([{JOINERS}])[{JOINERS}]*(?={_JOINING_LETTER})|[{JOINERS}]+",
    regex.V1,
)

SQUARE_OR_SPACE = regex.compile(rf"{SQUARE.pattern}| ")
INVISIBLE = regex.compile(rf"[\p{{Default_Ignorable_Code_Point}}\uFFF9-\uFFFB--[{JOINERS}]]", regex.V1)


def normalise_word(word: str) -> str:
    """Return a word's normal form: folded, without invisible characters and furigana, trimmed, composed (NFC).

    Raises:
        InvalidWord: it is blank, too long, or decoded with the wrong encoding; mixes scripts that no language mixes;
            has marks without a letter or too many on one; or contains a control character or a lone surrogate.
        UnsupportedCharacter: it contains a symbol, such as an emoji, or an unassigned code point.
    """
    if len(word) > MAX_SENT_LENGTH:
        raise InvalidWord(f"the word has {len(word)} code points; give {LENGTH_RULE}", field="word")
    check_encoding(word)
    bare, _ = split_furigana(fold(word))
    normal = fold(bare)
    check_encoding(normal)  # what is folded may be what shows it: a full-width digit, an invisible character
    _check_characters(normal)
    _check_length(normal)
    _check_marks(normal)
    check_scripts(normal)
    return normal


def fold(text: str) -> str:
    """Return any text in the normal form of words, even if it is not a valid word."""
    visible = unicodedata.normalize("NFC", INVISIBLE.sub("", text))
    folded = "".join(map(_fold_character, visible))
    joined = JOINER.sub(lambda match: match[1] or "", folded)
    return str(regex.sub(r"\p{Z}+", " ", unicodedata.normalize("NFC", joined))).strip()


def language_shown(word: str, language: LanguageChoice) -> LanguageChoice:
    """Return a request's language: Japanese where it is open and the word, as sent, has furigana.

    The normal form no longer shows it.
    """
    if language != "auto" or len(word) > MAX_SENT_LENGTH:
        return language
    _, reading = split_furigana(fold(word))
    return "ja" if has_kana(reading) else language


def word_length(written: Sequence[str]) -> int:
    """Return the length of a word's grapheme clusters, which `MAX_WORD_LENGTH` limits."""
    return sum(1 + is_square(cluster) for cluster in written)


def describe(character: str) -> str:
    """Return a character's code point, with the character and its name if it is printable and has a name."""
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "")
    return f"{character} ({code} {name})" if name and character.isprintable() else code


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    if character in SPECIAL or character in IDEOGRAPHS:
        return SPECIAL.get(character) or IDEOGRAPHS[character]
    kind, *codes = unicodedata.decomposition(character).split() or [""]
    letters = "".join(chr(int(code, 16)) for code in codes)
    return "".join(map(_fold_character, letters)) if _is_folded(character, kind, letters) else character


def _is_folded(character: str, kind: str, letters: str) -> bool:
    if not letters or " " in letters:  # a spacing accent, or a ligature of several words such as ﷺ
        return False
    if kind == "<wide>":  # ， and ！ are distinct punctuation
        return unicodedata.category(letters[0])[0] in "LN"
    return kind in FOLDED_KINDS or any(first <= ord(character) <= last for first, last in FOLDED_RANGES)


def _check_characters(word: str) -> None:
    if not word:
        raise InvalidWord(f"the word is blank; give {LENGTH_RULE}", field="word")
    for character in word:
        category = unicodedata.category(character)
        if category in {"Cc", "Cs"}:
            raise InvalidWord(f"the word contains {describe(character)}, which cannot be written", field="word")
        if category[0] not in WRITABLE_CATEGORIES and character not in WRITABLE_SYMBOLS.union(JOINERS, " "):
            raise UnsupportedCharacter(
                f"{describe(character)} is not a character of any script{_instead(character)}", field="word"
            )


def _instead(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    return f"; write {plain} instead" if plain != character and plain.isalnum() else ""


def _check_length(word: str) -> None:
    written = clusters(word)
    if word_length(written) > MAX_WORD_LENGTH:
        raise InvalidWord(f"the word has {len(written)} characters; give {LENGTH_RULE}", field="word")
    if (unbroken := _longest_unbroken(word)) > LONGEST_UNDIVIDED:
        raise InvalidWord(
            f"{unbroken} characters of the word are in one piece, because it cannot be divided there with a hyphen; "
            f"give at most {LONGEST_UNDIVIDED} in a piece, or a space between words",
            field="word",
        )
    longest = max(written, key=len)
    if len(longest) > MAX_CLUSTER_LENGTH:
        raise InvalidWord(
            f"one character of the word consists of {len(longest)} code points; the maximum is {MAX_CLUSTER_LENGTH}",
            field="word",
        )


def _longest_unbroken(word: str) -> int:
    """Return the number of characters in the longest part of a word that stays on one line."""
    pieces = [clusters(piece) for piece in SQUARE_OR_SPACE.split(word)]
    return max(end - start for piece in pieces for start, end in pairwise([0, *divisions(piece), len(piece)]))


def _check_marks(word: str) -> None:
    marks = accents = 0
    base = " "
    for character in unicodedata.normalize("NFD", word):
        if unicodedata.category(character)[0] != "M":
            base, marks, accents = (base if character in JOINERS else character), 0, 0
            continue
        if unicodedata.category(base)[0] not in "LN":
            raise InvalidWord(
                f"the mark {describe(character)} does not follow a letter; write the letter before the mark",
                field="word",
            )
        marks += 1
        accents += regex.match(r"\p{Script=Inherited}", character) is not None
        if marks > MAX_SIGNS or accents > MAX_ACCENTS:
            raise InvalidWord(
                f"{base} has more than {MAX_ACCENTS} accents or {MAX_SIGNS} signs, which no language uses",
                field="word",
            )
