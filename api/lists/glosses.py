"""What the lexicons say of the words in a list."""

from functools import lru_cache

from shared.writing.dictionaries import Dictionaries


@lru_cache(maxsize=20_000)
def glosses(word: str) -> tuple[str, ...]:
    """Return a word's senses in English, () if no lexicon has it."""
    return _dictionaries().of(word).glosses(word)


def is_in_other_characters(one: str, other: str) -> bool:
    """Return whether two words differ at most by forms of the same characters, which have a sense in common: 学, 學."""
    return len(one) == len(other) and all(
        first == second or not set(glosses(first)).isdisjoint(glosses(second))
        for first, second in zip(one, other, strict=True)
    )


@lru_cache(maxsize=1)
def _dictionaries() -> Dictionaries:
    return Dictionaries()
