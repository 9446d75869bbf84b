"""The polite present (ます form) of Japanese verbs, from the dictionary form and JMdict's part of speech."""

from collections.abc import Iterable, Mapping
from typing import Final

# The last kana of a five-row (godan) verb and of its stem.
STEMS: Final[Mapping[str, str]] = {
    "う": "い", "く": "き", "ぐ": "ぎ", "す": "し", "つ": "ち", "ぬ": "に", "ぶ": "び", "む": "み", "る": "り",
}  # fmt: skip
COMING: Final = "Kuru verb - special class"
ZURU: Final = "Ichidan verb - zuru verb (alternative form of -jiru verbs)"
ARU: Final = "Godan verb - -aru special class"
SURU: Final = frozenset({"suru verb - included", "suru verb - special class"})


def polite(word: str, parts: Iterable[str]) -> str | None:
    """Return a verb's ます form; None if no part of speech is a modern verb's.

    Args:
        word: the dictionary form, in kanji or in kana.
        parts: its parts of speech, in JMdict's words.
    """
    stems = (_stem(word, part) for part in sorted(parts))
    return next((f"{stem}ます" for stem in stems if stem), None)


def _stem(word: str, part: str) -> str | None:
    """Return what stands before ます; None if the word does not end as its part of speech does."""
    for ending, stem in _endings(part).items():
        if word.endswith(ending):
            return word.removesuffix(ending) + stem
    return None


def _endings(part: str) -> Mapping[str, str]:
    if part == COMING:
        return {"くる": "き", "る": ""}
    if part == ZURU:
        return {"ずる": "じ"}
    if part in SURU:
        return {"する": "し"}
    if part == ARU:
        return {"る": "い"}
    if part.startswith("Ichidan verb"):
        return {"る": ""}
    return STEMS if part.startswith("Godan verb") else {}
