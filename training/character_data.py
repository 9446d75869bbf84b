r"""Make ``shared/writing/data/characters.sqlite`` from hanzi-writer-data and Unihan.

    python -m training.character_data --strokes hanzi-writer-data/package \
        --unihan Unihan_IRGSources.txt.bz2

The sources are the npm package ``hanzi-writer-data`` 2.0.1 (unpacked) and the file of that name in Debian's package
``unicode-data`` 15.0.0. Run `training.lexicon` afterwards to add the lexicon to the same file. The layout of the
database is described in ``shared/writing/characters.py``, which owns the format; this script only calls its encoders.
"""

import argparse
import bz2
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from shared.writing.characters import SCHEMA, Stroke, encode_character

RADICAL = re.compile(r"U\+([0-9A-F]+)\tkRSUnicode\t(\d+)'*\.(-?\d+)")


def read_radicals(path: Path) -> dict[str, tuple[int, int]]:
    """Return each character's radical number and residual stroke count (Unihan's kRSUnicode, first value)."""
    radicals = {}
    with bz2.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if match := RADICAL.match(line):
                code, number, residual = match.groups()
                radicals[chr(int(code, 16))] = (int(number), int(residual))
    return radicals


def read_characters(folder: Path, radicals: dict[str, tuple[int, int]]) -> Iterator[tuple[int, int | None, bytes]]:
    """Yield each character of hanzi-writer-data as a row: code point, radical number, encoded strokes.

    hanzi-writer-data marks no radical strokes in characters that are radicals themselves; there, mark all strokes.
    """
    for path in tqdm(sorted(folder.glob("?.json")), desc="characters", unit="char"):
        source = json.loads(path.read_text(encoding="utf-8"))
        number, residual = radicals.get(path.stem, (None, None))
        marked = source.get("radStrokes") or (range(len(source["strokes"])) if residual == 0 else ())
        strokes = tuple(
            Stroke(outline, tuple((round(x), round(y)) for x, y in median), in_radical=index in marked)
            for index, (outline, median) in enumerate(zip(source["strokes"], source["medians"], strict=True))
        )
        yield ord(path.stem), number, encode_character(strokes)


def build(strokes: Path, unihan: Path, output: Path) -> None:
    """Rewrite the database, without a lexicon.

    Raises:
        FileNotFoundError: a source is missing; the database stays.
    """
    if not any(strokes.glob("?.json")):
        raise FileNotFoundError(f"there are no characters in {strokes}")
    rows = list(read_characters(strokes, read_radicals(unihan)))
    output.unlink(missing_ok=True)
    with sqlite3.connect(output) as connection:
        connection.executescript(SCHEMA)
        connection.executemany("INSERT INTO characters VALUES (?, ?, ?)", rows)
    with sqlite3.connect(output) as connection:
        connection.execute("VACUUM")
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=Path, required=True, help="folder of hanzi-writer-data's JSON files")
    parser.add_argument("--unihan", type=Path, required=True, help="Unihan_IRGSources.txt.bz2")
    parser.add_argument("--output", type=Path, default=Path("shared/writing/data/characters.sqlite"))
    arguments = parser.parse_args()
    build(arguments.strokes, arguments.unihan, arguments.output)
