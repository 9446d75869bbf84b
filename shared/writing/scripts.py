"""The scripts that one word may mix, following UTS #39's “highly restrictive” level."""

from typing import Final

import regex

from shared.errors import InvalidWord
from shared.writing.unicode_script import script, script_name, scripts_using

# Allowed in any word: punctuation, digits, accents, the prolonged sound mark.
NEUTRAL: Final = frozenset({"Zyyy", "Zinh", "Zzzz"})
EAST_ASIAN = (
    frozenset({"Hani", "Hira", "Kana"}),
    frozenset({"Hani", "Bopo"}),
    frozenset({"Hani", "Hang"}),
)
# Han, kana and Hangul mix with Latin letters (T恤, 卡拉OK) and Greek ones (α波).
BESIDE_EAST_ASIAN = frozenset({"Latn", "Grek"})
# Text decoded with the wrong encoding can look like these scripts, and their letters look alike.
ALIKE = frozenset({"Latn", "Cyrl"})

HINT: Final = "it looks like text that was decoded with the wrong encoding; send UTF-8"


def check_scripts(word: str) -> None:
    """Check that the word mixes scripts only in ways that a language does.

    Raises:
        InvalidWord: it mixes scripts in another way.
    """
    letters = _letters(word)
    if not _is_mixed_well(letters) or any(map(_mixes_alike, regex.findall(r"[\p{L}\p{M}]+", word))):
        names = sorted({script_name(script(letter)) for letter in letters})
        raise InvalidWord(f"the word mixes {' and '.join(names)} letters, which no language does; {HINT}", field="word")


def count_scripts(text: str) -> int:
    """Return the number of scripts that the text's letters belong to."""
    return len(set(map(script, _letters(text))))


def _letters(word: str) -> list[str]:
    return [character for character in word if script(character) not in NEUTRAL]


def _is_mixed_well(letters: list[str]) -> bool:
    used = {script(letter) for letter in letters}
    if any(used <= allowed | BESIDE_EAST_ASIAN for allowed in EAST_ASIAN):
        # Without Han, Greek is treated like any other script.
        return bool(used - BESIDE_EAST_ASIAN) or used != BESIDE_EAST_ASIAN or _is_latin_plain(letters)
    others = used - {"Latn"}
    if others & {"Hani", "Hira", "Kana", "Bopo", "Hang"} or not _share_a_script(letters):
        return False
    return "Latn" not in used or _is_latin_plain(letters)


def _share_a_script(letters: list[str]) -> bool:
    """Return whether all non-Latin letters belong to one script."""
    used = [scripts_using(letter) for letter in letters if script(letter) != "Latn"]
    return not used or bool(frozenset.intersection(*used))


def _is_latin_plain(letters: list[str]) -> bool:
    """Return whether the Latin letters are all English ones, as in foreign words and units beside another script."""
    return all(letter.isascii() for letter in letters if script(letter) == "Latn")


def _mixes_alike(part: str) -> bool:
    """Return whether one part of the word (IT of IT-отдел) mixes letters of scripts that look alike."""
    return {script(letter) for letter in part} >= ALIKE
