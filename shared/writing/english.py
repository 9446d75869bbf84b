"""Translations, which give an English meaning, a meaning in another script, or nothing."""

import unicodedata
from typing import Final

import regex

from shared.writing.encodings import is_lost, misread
from shared.writing.normalise import fold
from shared.writing.scripts import NEUTRAL
from shared.writing.unicode_script import script

# Placeholders that forms and programs write instead of a missing translation.
PLACEHOLDERS: Final = frozenset({
    "n/a", "n.a", "n.a.", "n\\a", "#n/a", "none", "null", "nil", "todo", "to-do", "tbd", "tba", "tbc", "fixme",
    "undefined", "nan", "placeholder", "xxx",
})  # fmt: skip
FRACTION_SLASH: Final = "\u2044"


def read_translation(translation: str) -> str:
    """Return a translation as one line, in the normal form of words."""
    return " ".join(fold(" ".join(translation.split())).split())


def why_empty(translation: str) -> str | None:
    """Return why a translation gives no meaning; None if it gives one, or is empty.

    A placeholder may be the actual meaning of a word (无: none); the caller must check for that.
    """
    if not translation:
        return None
    if "\ufffd" in translation or "??" in translation or (is_lost(translation) and not _has_letter(translation)):
        return f"the translation {translation!r} has lost characters; send UTF-8"
    if misread(translation) is not None:
        return f"the translation {translation!r} was decoded with the wrong encoding; send UTF-8"
    if translation.casefold().strip("()[]<>{}-_ ") in PLACEHOLDERS:
        return f"the translation {translation!r} is a placeholder"
    if not _has_letter(translation):
        return f"the translation {translation!r} contains no letters"
    return None


def is_latin(text: str) -> bool:
    """Return whether at least half of a text's letters are Latin; units and single Greek letters (α wave) count too."""
    text = regex.sub(r"(?<!\p{Greek})\p{Greek}(?!\p{Greek})", "", text)
    letters = [script(character) for character in text if character.isalpha()]
    counted = [code for code in letters if code not in NEUTRAL]
    return 2 * counted.count("Latn") >= len(counted)


def _has_letter(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text)  # № is No, ½ is 1⁄2
    return FRACTION_SLASH in plain or any(map(str.isalpha, plain))
