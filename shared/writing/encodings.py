"""Text that was read in a wrong encoding before it came here."""

from collections.abc import Callable
from itertools import product
from typing import Final

import regex

from shared.errors import InvalidWord
from shared.writing.scripts import HINT, count_scripts

# Encodings that UTF-8 is taken for, and how many characters of more than one byte must come out: what is in one
# is chance in cp1251, where Ukrainian “Ті” is one.
TAKEN_FOR: Final = (("cp1252", 1), ("latin-1", 1), ("cp1251", 2), ("mac_roman", 2))

# What may be UTF-8 by chance, and what two of its bytes come out as.
EAST_ASIAN: Final = ("gbk", "big5", "shift_jis", "euc_kr")
TWO_BYTES = regex.compile(r"[\u0080-\u07FF]")
# Letters and signs that no common alphabet has: IPA, archaic Greek and Cyrillic, rare Latin, lone accents.
UNCOMMON = regex.compile(
    r"[\u0180-\u019F\u01A2-\u01AE\u01B1-\u01CC\u01DD-\u0217\u021C-\u0385\u03CF-\u03FF\u0460-\u048F\u0492-\u05CF\u0600-\u0620"
    r"\u0700-\u07FF]"
)
HEBREW = regex.compile(r"[\u05D0-\u05EA]+")

REPLACED = regex.compile(r"\uFFFD|\?\s*\?|^[\s?]*\?[\s?]*$")


def check_encoding(word: str) -> None:
    """Check that a word's characters were not lost or turned into others on their way.

    Raises:
        InvalidWord: they were.
    """
    if is_lost(word):
        raise InvalidWord(f"characters of the word were lost ({word!r}); {HINT}", field="word")
    meant = misread(word)
    if meant is not None:
        raise InvalidWord(f"the word {word!r} seems to be {meant!r}: {HINT}", field="word")


def is_lost(text: str) -> bool:
    """Return whether the text has signs that programs put where they could not read a character."""
    return REPLACED.search(text) is not None


def misread(text: str) -> str | None:
    """Return what the text says if it is UTF-8 that was read as another encoding, else None."""
    for (encoding, least), form in product(TAKEN_FOR, _forms(text)):
        meant = _read_again(form, encoding)
        if meant is None or sum(not character.isascii() for character in meant) < least:
            continue
        # Where a character was made up, it must go with the others: groß is no Latin and N'Ko.
        if form == text or count_scripts(meant) == 1:
            return meant
    return None


def _forms(text: str) -> tuple[str, ...]:
    """Return what the text may have been before its no-break spaces became plain ones, or were trimmed at its end.

    A no-break space is the last byte of many a character. One is added to more than a letter only: Ø is a word.
    """
    trimmed = (text.rstrip() + "\xa0",) if len(text.strip()) > 1 else ()
    return (text, text.replace(" ", "\xa0"), *trimmed)


def misread_east_asian(text: str, is_word: Callable[[str], bool]) -> str | None:
    """Return the word that a text is if it was written in an encoding of East Asia and read as UTF-8, else None.

    Two bytes of GBK can be one character of UTF-8: 一些 becomes һЩ, which looks like letters of another language. One
    letter alone is only doubted if it is of no common alphabet, and two of Hebrew are not: רע is a word, and 专注 too.

    Args:
        text: in normal form.
        is_word: tells whether the lexicon has a word.
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
    """Return a character's bytes; cp1252's five unused ones are passed through by browsers."""
    try:
        return character.encode(encoding)
    except UnicodeEncodeError:
        return character.encode("latin-1") if encoding == "cp1252" else b"\xff"
