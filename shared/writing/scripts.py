"""Which scripts one word may mix: those that a language mixes, after UTS #39's “highly restrictive” level."""

from typing import Final

import regex

from shared.errors import InvalidWord
from shared.writing.unicode_script import script, script_name, scripts_using

# In any word: punctuation, digits, accents, the prolonged sound mark.
NEUTRAL: Final = frozenset({"Zyyy", "Zinh", "Zzzz"})
EAST_ASIAN = (
    frozenset({"Hani", "Hira", "Kana"}),
    frozenset({"Hani", "Bopo"}),
    frozenset({"Hani", "Hang"}),
)
# Beside Han, kana and Hangul there are Latin letters (T恤, 卡拉OK) and Greek ones (α波).
BESIDE_EAST_ASIAN = frozenset({"Latn", "Grek"})
# Text in another encoding than UTF-8 can look like these, and they look like one another.
ALIKE = frozenset({"Latn", "Cyrl"})

HINT: Final = "it looks like text that was read in a wrong encoding; send UTF-8"


def check_scripts(word: str) -> None:
    """Check that the word mixes scripts only as a language does.

    Raises:
        InvalidWord: it does not.
    """
    letters = _letters(word)
    if not _is_mixed_well(letters) or any(map(_mixes_alike, regex.findall(r"[\p{L}\p{M}]+", word))):
        names = sorted({script_name(script(letter)) for letter in letters})
        raise InvalidWord(f"the word mixes {' and '.join(names)} letters, which no language does; {HINT}", field="word")


def count_scripts(text: str) -> int:
    """Return how many scripts the text's letters are of."""
    return len(set(map(script, _letters(text))))


def _letters(word: str) -> list[str]:
    return [character for character in word if script(character) not in NEUTRAL]


def _is_mixed_well(letters: list[str]) -> bool:
    used = {script(letter) for letter in letters}
    if any(used <= allowed | BESIDE_EAST_ASIAN for allowed in EAST_ASIAN):
        # Greek without Han is as any other script.
        return bool(used - BESIDE_EAST_ASIAN) or used != BESIDE_EAST_ASIAN or _is_latin_plain(letters)
    others = used - {"Latn"}
    if others & {"Hani", "Hira", "Kana", "Bopo", "Hang"} or not _share_a_script(letters):
        return False
    return "Latn" not in used or _is_latin_plain(letters)


def _share_a_script(letters: list[str]) -> bool:
    """Return whether one script has all the letters that are not Latin."""
    used = [scripts_using(letter) for letter in letters if script(letter) != "Latn"]
    return not used or bool(frozenset.intersection(*used))


def _is_latin_plain(letters: list[str]) -> bool:
    """Return whether the Latin letters are those of English: foreign words and units beside another script are."""
    return all(letter.isascii() for letter in letters if script(letter) == "Latn")


def _mixes_alike(part: str) -> bool:
    """Return whether one part of the word (IT of IT-отдел) has letters of scripts that look alike."""
    return {script(letter) for letter in part} >= ALIKE
