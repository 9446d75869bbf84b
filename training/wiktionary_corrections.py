"""The corrections of the lexica from Wiktionary: the glosses of a word to put first."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.writing.language import Language

# Word to the glosses that come first.
Corrections = Mapping[str, Sequence[str]]


def read_corrections(path: Path, language: Language) -> Corrections:
    """Return a language's rows of a table with the columns language, word and gloss."""
    first: dict[str, list[str]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["language"] == language:
                first[row["word"]].append(row["gloss"])
    return first
