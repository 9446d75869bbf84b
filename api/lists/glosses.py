"""What the lexicons say of the words in a list."""

from functools import lru_cache

from shared.writing.dictionaries import Dictionaries


@lru_cache(maxsize=20_000)
def glosses(word: str) -> tuple[str, ...]:
    """Return a word's senses in English, () if no lexicon has it."""
    return _dictionaries().of(word).glosses(word)


@lru_cache(maxsize=1)
def _dictionaries() -> Dictionaries:
    return Dictionaries()
