"""Words that the operator has blocked."""

import unicodedata
from collections.abc import Iterable

import regex

from shared.writing.clusters import JOINERS
from shared.writing.normalise import INVISIBLE
from shared.writing.stems import stem

LATIN = regex.compile(r"[\p{Latin}\p{Common}\p{Inherited}]+")
# Whatever else is between two words separates them: an underscore, a letter of another script.
WORD_OR_NUMBER = regex.compile(r"\p{Latin}+|\p{N}+")
# Marks without which a word is still read as the same word. Kana and the scripts of India need theirs.
OPTIONAL_MARKS = regex.compile(r"(?<=[\p{Latin}\p{Greek}\p{Cyrillic}\p{Hebrew}\p{Arabic}\p{Han}\p{Hangul}\p{N}])\p{M}+")


class Blocklist:
    """The blocked words: Latin ones match as whole words in any inflected form, others match anywhere in a text."""

    def __init__(self, blocked: Iterable[str]) -> None:
        normal = set(filter(None, map(_normal, blocked)))
        self._parts = {form for form in normal if not LATIN.fullmatch(form)}
        self._phrases = set(filter(None, map(_stems, normal - self._parts)))

    @property
    def is_empty(self) -> bool:
        """Whether no word is blocked."""
        return not self._parts and not self._phrases

    def blocks(self, text: str) -> bool:
        """Return whether the text contains a blocked word."""
        normal = _normal(text)
        return any(part in normal for part in self._parts) or self._blocks_phrase(normal)

    def _blocks_phrase(self, normal: str) -> bool:
        if not self._phrases:
            return False
        stems = _stems(normal)
        words = tuple(stem for stem in stems if not stem.isnumeric())
        return any(_holds(stems, phrase) or _holds(words, phrase) for phrase in self._phrases)


def _holds(stems: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    return any(stems[start : start + len(phrase)] == phrase for start in range(len(stems) - len(phrase) + 1))


def _normal(text: str) -> str:
    """Return a text as it reads, without accents and invisible characters; full-width and circled letters are plain."""
    visible = regex.sub(f"[{JOINERS}]", "", INVISIBLE.sub("", text))
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", visible).casefold())
    return unicodedata.normalize("NFKC", OPTIONAL_MARKS.sub("", decomposed)).strip()


def _stems(text: str) -> tuple[str, ...]:
    return tuple(map(stem, WORD_OR_NUMBER.findall(text)))
