"""Stems of English words."""

from functools import lru_cache

from shared.writing.plurals import IRREGULAR


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Return what all forms of an English word in lower case begin with: "knif" for "knives" and "knife"."""
    word = IRREGULAR.get(word, word)
    if word.endswith("ves"):  # knives, wolves; other words (gloves) change in the same way on both sides
        word = word.removesuffix("ves") + "f"
    # Use a new stemmer for each call: a stemmer stores the word it works on, and requests run in threads.
    import snowballstemmer  # noqa: PLC0415  # imports the stemmers of all languages, and few words need one

    stemmed = snowballstemmer.stemmer("english").stemWord(word)
    return stemmed[:-2] + "f" if stemmed.endswith(("fe", "ve")) else str(stemmed)
