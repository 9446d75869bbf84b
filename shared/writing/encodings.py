"""Detection of text that was decoded with the wrong encoding before it arrived."""

from collections.abc import Callable
from itertools import product
from typing import Final

import regex

from shared.errors import InvalidWord
from shared.writing.scripts import HINT, count_scripts

# Encodings that UTF-8 is mistaken for, and how many multi-byte characters the text must then decode to. In cp1251 a
# single one can be chance: Ukrainian “Ті” decodes to one.
TAKEN_FOR: Final = (("cp1252", 1), ("latin-1", 1), ("cp1251", 2), ("mac_roman", 2))

# Characters that none of these encodings has.
BEYOND = regex.compile(r"[\u2E80-\uF8FE\U00010000-\U0010FFFF]")

# Encodings whose bytes may be valid UTF-8 by chance, and the characters that two such bytes decode to.
EAST_ASIAN: Final = ("gbk", "big5", "shift_jis", "euc_kr")
TWO_BYTES = regex.compile(r"[\u0080-\u07FF]")
# Characters outside all common alphabets: IPA, archaic Greek and Cyrillic, rare Latin letters, lone accents.
UNCOMMON = regex.compile(
    r"[\u0180-\u019F\u01A2-\u01AE\u01B1-\u01CC\u01DD-\u0217\u021C-\u0385\u03CF-\u03FF\u0460-\u048F\u0492-\u05CF\u0600-\u0620"
    r"\u0700-\u07FF]"
)
HEBREW = regex.compile(r"[\u05D0-\u05EA]+")

# Question marks after East Asian letters are punctuation: an encoding that has the letters has lost no others.
ASKED = regex.compile(r"(?<=[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー])[?!]+$")
REPLACED = regex.compile(r"\uFFFD|\?\s*\?|^[\s?]*\?[\s?]*$")


def check_encoding(word: str) -> None:
    """Check that a word's characters were not lost or garbled on the way.

    Raises:
        InvalidWord: characters were lost or garbled.
    """
    if is_lost(word):
        raise InvalidWord(f"the word {word!r} has lost characters; {HINT}", field="word")
    meant = misread(word)
    if meant is not None:
        raise InvalidWord(f"the word {word!r} seems to be {meant!r}: {HINT}", field="word")


def is_lost(text: str) -> bool:
    """Return whether the text contains placeholders that programs insert for characters they could not decode."""
    return REPLACED.search(ASKED.sub("", text)) is not None


def misread(text: str) -> str | None:
    """Return the original text if this is UTF-8 that was decoded as another encoding, otherwise None."""
    if text.isascii() or BEYOND.search(text):
        return None
    for (encoding, least), form in product(TAKEN_FOR, _forms(text)):
        meant = _read_again(form, encoding)
        if meant is None or sum(not character.isascii() for character in meant) < least:
            continue
        # A character that was added must match the script of the others: groß is not Latin mixed with N'Ko.
        if form == text or count_scripts(meant) == 1:
            return meant
    return None


def _forms(text: str) -> tuple[str, ...]:
    """Return what the text may have been before its no-break spaces became plain ones or were trimmed at its end.

    In many characters the last byte decodes to a no-break space. One is only added to texts of more than one letter,
    because Ø is a word.
    """
    trimmed = (text.rstrip() + "\xa0",) if len(text.strip()) > 1 else ()
    return (text, text.replace(" ", "\xa0"), *trimmed)


def misread_east_asian(text: str, is_word: Callable[[str], bool]) -> str | None:
    """Return the original word if this is text in an East Asian encoding that was decoded as UTF-8, otherwise None.

    Two bytes of GBK can be one character of UTF-8: 一些 becomes һЩ, which looks like letters of another language. A
    single letter is only suspect if it is outside all common alphabets. Two Hebrew letters are not suspect: רע is a
    word, and so is 专注.

    Args:
        text: the text in normal form.
        is_word: returns whether the lexicon contains a word.
    """
    if TWO_BYTES.search(text) is None:
        return None
    for encoding in EAST_ASIAN:
        try:
            meant = text.encode().decode(encoding)
        except UnicodeDecodeError:
            continue
        characters = sum(not character.isascii() for character in meant)
        least = 3 if HEBREW.fullmatch(text) else 2
        if is_word(meant) and (characters >= least or UNCOMMON.search(text)):
            return meant
    return None


def _read_again(text: str, encoding: str) -> str | None:
    try:
        meant = b"".join(_encode(character, encoding) for character in text).decode("utf-8")
    except UnicodeError:
        return None
    return meant if meant.isprintable() and regex.search(r"\p{L}", meant) else None


def _encode(character: str, encoding: str) -> bytes:
    """Return a character's bytes; like browsers, pass through the five bytes that cp1252 leaves unassigned."""
    try:
        return character.encode(encoding)
    except UnicodeEncodeError:
        return character.encode("latin-1") if encoding == "cp1252" else b"\xff"
