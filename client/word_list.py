"""A list of words to draw, read from a CSV file."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from client.errors import WrongInput
from shared.errors import InvalidRequest
from shared.words import normalise_word

COLUMNS = ("word", "translation", "reading", "style")
# What a heading may also be called.
ALIASES = {
    "character": "word",
    "characters": "word",
    "hanzi": "word",
    "kanji": "word",
    "meaning": "translation",
    "english": "translation",
    "pinyin": "reading",
    "kana": "reading",
    "pronunciation": "reading",
}
# The first separator of the file that is not in quotes; the word stands first, and has none in it.
FIRST_SEPARATOR = re.compile(r'^\s*(?:"[^"]*"|[^",;\t])*([,;\t])')


@dataclass(frozen=True, slots=True)
class Row:
    """A word of the list.

    Attributes:
        line: where it stands in the file, from 1.
        word: normalised.
        translation: its meaning in English; "": to be looked up.
        reading: how it is read (pinyin, kana), for the cards only.
        style: its own style; None: the deck's.
    """

    line: int
    word: str
    translation: str = ""
    reading: str = ""
    style: str | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that gives no picture, and why."""

    line: int
    reason: str


def read_words(path: Path) -> tuple[list[Row], list[BadRow]]:
    """Read the words of a CSV file: separated by comma, semicolon or tab, with or without a heading.

    With a heading the columns may stand in any order, and others are left alone; without one they are word,
    translation, reading, style, and only the word is needed. The same word with the same meaning and style again is a
    bad row.

    Raises:
        WrongInput: the file cannot be read, is not UTF-8, or its heading has no column `word`.
    """
    records = list(_records(_text(path)))
    columns: Sequence[str] = COLUMNS
    if records and (heading := _heading(records[0])) is not None:
        columns, records = heading, records[1:]
    lines_seen: dict[tuple[str, ...], int] = {}
    good: list[Row] = []
    bad: list[BadRow] = []
    for record in records:
        try:
            row = _row(record, columns)
            _check_new(row, lines_seen)
        except _Refused as error:
            bad.append(BadRow(record.line, str(error)))
        else:
            good.append(row)
    return good, bad


class _Refused(Exception):
    """A line gives no picture."""


@dataclass(frozen=True, slots=True)
class _Record:
    """A line's cells, trimmed; `fault` is what CSV says is wrong with it."""

    line: int
    cells: Sequence[str]
    fault: str | None = None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongInput(f"{path} is not UTF-8; save it as “CSV UTF-8”") from error


def _records(text: str) -> Iterator[_Record]:
    """Return the lines that are not blank; a cell in quotes may go over several."""
    separator = FIRST_SEPARATOR.search(text)
    reader = csv.reader(io.StringIO(text), delimiter=separator[1] if separator else ",", strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield _Record(line, (), fault=f"its quotes do not match ({error})")
            continue
        if any(cells):
            yield _Record(line, cells)


def _heading(record: _Record) -> Sequence[str] | None:
    """Return the columns that the first line names; None if it is no heading but a word.

    Raises:
        WrongInput: it names columns, but not the word's.
    """
    names = [ALIASES.get(cell.casefold(), cell.casefold()) for cell in record.cells]
    if "word" in names:
        return names
    if len(names) > 1 and all(name in COLUMNS for name in names):
        raise WrongInput(f"the heading names {', '.join(record.cells)}, but no column “word”")
    return None


def _row(record: _Record, columns: Sequence[str]) -> Row:
    """Return a line as a row.

    Raises:
        _Refused: it is none.
    """
    if record.fault is not None:
        raise _Refused(record.fault)
    if any(record.cells[len(columns) :]):
        raise _Refused(f"has {len(record.cells)} cells for {len(columns)} columns; put text with a separator in quotes")
    named = dict(zip(columns, record.cells, strict=False))
    try:
        word = normalise_word(named.get("word", ""))
    except InvalidRequest as error:
        raise _Refused(error.detail) from error
    return Row(record.line, word, named.get("translation", ""), named.get("reading", ""), named.get("style") or None)


def _check_new(row: Row, lines_seen: dict[tuple[str, ...], int]) -> None:
    """Check that no earlier row asks for the same picture.

    Raises:
        _Refused: one does.
    """
    first = lines_seen.setdefault((row.word, row.translation, row.style or ""), row.line)
    if first != row.line:
        raise _Refused(f"is the same as line {first}")
