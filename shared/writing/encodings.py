"""Text that was read in a wrong encoding before it came here."""

from itertools import product
from typing import Final

import regex

from shared.errors import InvalidWord
from shared.writing.scripts import HINT, count_scripts

# Encodings that UTF-8 is taken for, and how many characters of more than one byte must come out: what is in one
# is chance in cp1251, where Ukrainian “Ті” is one.
TAKEN_FOR: Final = (("cp1252", 1), ("latin-1", 1), ("cp1251", 2), ("mac_roman", 2))

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
