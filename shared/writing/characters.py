"""The read-only character databases of Chinese and Japanese: strokes and radicals, and English glosses of words.

Chinese strokes (9,574 characters) come from hanzi-writer-data 2.0.1, Japanese ones from animCJK (both Arphic Public
License), radical numbers from Unihan 15.0 (kRSUnicode; Unicode License), and glosses from CC-CEDICT (CC BY-SA 4.0) and
JMdict (CC BY-SA 3.0). ``training/character_data.py``, ``lexicon.py``, ``japanese_characters.py`` and
``japanese_lexicon.py`` make the files. The Japanese one contains only the characters that are not in the Chinese one or
are written differently. Coordinates are those of hanzi-writer-data: an em of 1024 units, x to the right, y **up**, the
box's top at 900, its bottom at -124.

The table ``characters`` contains one zlib-compressed record per character. The lexicon's tables are described in
`shared.writing.lexicon`.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.writing.database import open_database
from shared.writing.dictionary import Dictionary
from shared.writing.language import Language
from shared.writing.varint import read_varint, varint

DATA = Path(__file__).parent / "data"
PATHS: Mapping[Language, Path] = {
    Language.CHINESE: DATA / "characters.sqlite",
    Language.JAPANESE: DATA / "japanese.sqlite",
}

EM = 1024
TOP = 900

# Use rowid tables with large pages, because small pages and `WITHOUT ROWID` leave up to half of the file unused.
SCHEMA = """
PRAGMA page_size = 32768;
CREATE TABLE characters (code_point INTEGER PRIMARY KEY, radical INTEGER, strokes BLOB NOT NULL);
"""

Point = tuple[int, int]

COMMAND_OR_NUMBER = re.compile(r"[MLQCZ]|-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Stroke:
    """One stroke of a character, in writing order.

    Attributes:
        outline: SVG path of the stroke's filled shape (commands M, L, Q, C, Z, absolute, integer coordinates).
        median: points along the stroke's centre line, in the direction of writing.
        in_radical: whether the stroke belongs to the character's Kangxi radical.
    """

    outline: str
    median: tuple[Point, ...]
    in_radical: bool


@dataclass(frozen=True, slots=True)
class Character:
    """A character, its Kangxi radical's number (1 to 214; None if Unihan gives none), and its strokes in order."""

    character: str
    radical: int | None
    strokes: tuple[Stroke, ...]


class CharacterDatabase(Dictionary):
    """Provides read-only access to a language's strokes and glosses; safe to share between threads."""

    def __init__(self, language: Language = Language.CHINESE, paths: Mapping[Language, Path] = PATHS) -> None:
        """Open the databases.

        Args:
            language: whose forms of the characters and whose lexicon to use. A character that it lacks is taken from
                another language.
            paths: the files by language.

        Raises:
            SettingsError: a file is missing or damaged; names the file.
        """
        super().__init__(language, paths[language])
        others = (path for other, path in paths.items() if other is not language)
        self._others = tuple(open_database(path, "character database") for path in others)

    def has_strokes(self, character: str) -> bool:
        """Return whether stroke data exist for the character; false for a cluster of several code points."""
        return self._written(character, "1") is not None

    def character(self, character: str) -> Character | None:
        """Return the character with its strokes, or None if there are no stroke data."""
        row = self._written(character, "radical, strokes")
        return None if row is None else Character(character, row[0], decode_character(row[1]))

    def characters(self) -> tuple[str, ...]:
        """Return every character of which the language has a form of its own, in code point order."""
        rows = self._connection.execute("SELECT code_point FROM characters ORDER BY code_point")
        return tuple(chr(row[0]) for row in rows)

    def _written(self, character: str, columns: str) -> tuple[Any, ...] | None:
        """Return columns of a character's row, from the first language that has it."""
        if len(character) != 1:
            return None
        query = f"SELECT {columns} FROM characters WHERE code_point = ?"  # noqa: S608  # constants
        rows = (one.execute(query, (ord(character),)).fetchone() for one in (self._connection, *self._others))
        return next((row for row in rows if row is not None), None)


def encode_character(strokes: tuple[Stroke, ...]) -> bytes:
    """Return strokes as one compressed record: counts, then coordinates as zig-zag varint differences."""
    payload = bytearray([len(strokes)])
    previous = (0, 0)
    for stroke in strokes:
        tokens = COMMAND_OR_NUMBER.findall(stroke.outline)
        commands = "".join(token for token in tokens if token.isalpha())
        numbers = [round(float(token)) for token in tokens if not token.isalpha()]
        points = [*zip(numbers[::2], numbers[1::2], strict=True), *stroke.median]
        payload += bytes([stroke.in_radical, len(stroke.median), len(commands)]) + commands.encode("ascii")
        for point in points:
            payload += varint(point[0] - previous[0]) + varint(point[1] - previous[1])
            previous = point
    return zlib.compress(bytes(payload), 9)


POINTS_OF_COMMAND = {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}


def decode_character(record: bytes) -> tuple[Stroke, ...]:
    """Return the strokes that `encode_character` wrote."""
    payload = zlib.decompress(record)
    position, strokes = 1, []
    x = y = 0

    def points(count: int) -> Iterator[Point]:
        nonlocal position, x, y
        for _ in range(count):
            difference, position = read_varint(payload, position)
            x += difference
            difference, position = read_varint(payload, position)
            y += difference
            yield x, y

    for _ in range(payload[0]):
        in_radical, median_length, command_count = payload[position : position + 3]
        position += 3
        commands = payload[position : position + command_count].decode("ascii")
        position += command_count
        outline = " ".join(
            " ".join([command, *(f"{px} {py}" for px, py in points(POINTS_OF_COMMAND[command]))])
            for command in commands
        )
        strokes.append(Stroke(outline, tuple(points(median_length)), bool(in_radical)))
    return tuple(strokes)
