"""A list of words to draw, read from an export of any program."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from api.lists.columns import SHOWN, Columns, find_columns, parse_columns, titles_of
from api.lists.markup import shown, split_word
from api.lists.readings import split_meaning
from api.lists.records import Record, Table, read_table, separator_name
from api.lists.text_file import read_text
from shared.errors import InvalidRequest, UnreadableList
from shared.schemas import LONGEST_READING, LONGEST_TRANSLATION
from shared.schemas.base import CONTROL_CHARACTER
from shared.writing.english import in_one_line, is_english
from shared.writing.pinyin import has_certain_tones, is_pinyin
from shared.writing.words import normalise_word


@dataclass(frozen=True, slots=True)
class Row:
    """A word of the list.

    Attributes:
        line: its line in the file, from 1.
        word: normalised.
        translation: its meaning in English; "" if it is to be looked up.
        reading: how it is read (pinyin, kana), for the cards; without a translation it also chooses the sense.
        style: its own style; None for the deck's.
        imagery: what depicts it, as `api.lists.imagery` reads it; "" for the deck's.
    """

    line: int
    word: str
    translation: str = ""
    reading: str = ""
    style: str | None = None
    imagery: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that does not make a picture, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class WordList:
    """A list as interpreted.

    Attributes:
        rows: the words.
        bad: lines that should contain a word but do not.
        notes: lines that are not meant as words: a heading, a category, a program's metadata.
        mapping: a description of how it was read: encoding, separator, columns.
    """

    rows: list[Row]
    bad: list[BadRow]
    notes: list[BadRow]
    mapping: str


def read_list(
    content: bytes,
    *,
    encoding: str | None = None,
    columns: str | None = None,
    most: int | None = None,
    styles: Collection[str] = (),
) -> WordList:
    """Read a list of words, separated by tabs, commas, semicolons or others, with or without a heading.

    The columns are identified by the heading, else by their content. A repeated word with the same meaning, style and
    imagery is a bad row; without a meaning, the reading tells two senses apart.

    Args:
        content: the file's bytes.
        encoding: its encoding; None detects it.
        columns: what its columns hold, such as ``word,reading,translation``, ``-`` for none; None detects it.
        most: the number of lines to read; later lines are ignored. None reads all.
        styles: the names of the service's styles, which show that a column without a heading holds styles.

    Raises:
        UnreadableList: it is not text, its columns are ambiguous, or it has too many lines or columns.
    """
    given = None if columns is None else parse_columns(columns)
    text = read_text(content, encoding)
    table = read_table(text.content, most)
    titles = titles_of(table.records) if table.heading is None else []
    records = table.records[len(titles) :]
    try:
        found, has_heading = find_columns(
            records,
            heading=table.heading,
            left_out=table.left_out,
            given=given,
            may_rejoin=table.rejoins is not None,
            styles=styles,
        )
    except UnreadableList as error:
        raise UnreadableList(f"read as {text.encoding}: {error.detail}", field="columns") from error
    first = next((record.line for record in records if record.fault is None), None) if has_heading else None
    words = [_rejoined(record, found.fields, table.rejoins) for record in records if record.line != first]
    rows, bad = _rows(words, found.fields)
    notes = [*_notes(table, titles, first), *_left_out(rows)]
    rows = [row if _fault_of(row.reading) is None else replace(row, reading="") for row in rows]
    return WordList(rows, bad, sorted(notes, key=lambda note: note.line), _mapping(text.encoding, table, found))


class _Refused(Exception):
    """A line does not make a picture."""


def _notes(table: Table, titles: Sequence[Record], heading: int | None) -> list[BadRow]:
    notes = [BadRow(line, reason) for line, reason in table.notes]
    notes += [BadRow(title.line, f"{''.join(title.cells)[:SHOWN]}: a title") for title in titles]
    return [*notes, *([] if heading is None else [BadRow(heading, "the heading")])]


def _left_out(rows: Sequence[Row]) -> Iterator[BadRow]:
    """Yield the readings that cannot be on a card. A word without a reading is still a word."""
    for row in rows:
        if (fault := _fault_of(row.reading)) is not None:
            yield BadRow(row.line, fault)


def _fault_of(reading: str) -> str | None:
    """Return why a reading cannot be on a card; None if it can."""
    if len(reading) > LONGEST_READING:
        return f"its reading has {len(reading)} characters, so it is left out; the limit is {LONGEST_READING}"
    if CONTROL_CHARACTER.search(reading):
        return "its reading contains a control character, so it is left out"
    return None


def _mapping(encoding: str, table: Table, columns: Columns) -> str:
    return f"read as {encoding}, separated by {separator_name(table.separator)}, {columns}"


def _rows(records: Sequence[Record], fields: Sequence[str | None]) -> tuple[list[Row], list[BadRow]]:
    has_readings = _begin_with_readings(records, fields)
    lines_seen: dict[tuple[str, ...], int] = {}
    good: list[Row] = []
    bad: list[BadRow] = []
    for record in records:
        try:
            row = _row(record, fields, has_readings=has_readings)
            _check_new(row, lines_seen)
        except _Refused as error:
            bad.append(BadRow(record.line, str(error)))
        else:
            good.append(row)
    return good, bad


def _rejoined(record: Record, fields: Sequence[str | None], joint: str | None) -> Record:
    """Return a line whose last cells, if they are surplus and English, are joined to its meaning."""
    last = len(fields) - 1
    meanings = [cell for cell in record.cells[last:] if cell]
    is_divided = len(meanings) > 1 and len(record.cells) > len(fields) and fields[last] == "translation"
    if joint is None or not is_divided or not all(map(is_english, meanings)):
        return record
    return replace(record, cells=[*record.cells[:last], joint.join(meanings)])


def _begin_with_readings(records: Sequence[Record], fields: Sequence[str | None]) -> bool:
    """Return whether at least half of the meanings begin with the word's reading; one café does not show it."""
    named = [_named(record, fields) for record in records]
    meanings = [
        (split_word(cells.get("word", ""))[0], cells["translation"]) for cells in named if cells.get("translation")
    ]
    readings = [reading for word, text in meanings if (reading := split_meaning(in_one_line(shown(text)), word)[0])]
    is_certain = any(not is_pinyin(reading, with_tones=True) or has_certain_tones(reading) for reading in readings)
    return is_certain and len(readings) * 2 >= len(meanings)


def _named(record: Record, fields: Sequence[str | None]) -> dict[str, str]:
    return {field: cell for field, cell in zip(fields, record.cells, strict=False) if field is not None}


def _row(record: Record, fields: Sequence[str | None], *, has_readings: bool) -> Row:
    """Return a line as a row.

    Args:
        record: the line.
        fields: the meaning of each cell.
        has_readings: whether meanings begin with readings.

    Raises:
        _Refused: the line is not a valid row.
    """
    if record.fault is not None:
        raise _Refused(record.fault)
    if any(record.cells[len(fields) :]):
        raise _Refused(
            f"has {len(record.cells)} cells for {len(fields)} columns; put text that contains the separator in quotes"
        )
    named = _named(record, fields)
    text, reading = split_word(named.get("word", ""))
    reading = _line(named.get("reading", "")) or reading
    translation = in_one_line(shown(named.get("translation", "")))
    if has_readings and not reading:
        reading, translation = split_meaning(translation, text)
    try:
        word = normalise_word(text or (reading if "reading" in fields and reading else ""))
    except InvalidRequest as error:
        raise _Refused(error.detail) from error
    if len(translation) > LONGEST_TRANSLATION:
        raise _Refused(f"its translation has {len(translation)} characters; give at most {LONGEST_TRANSLATION}")
    style, imagery = _line(named.get("style", "")) or None, _line(named.get("imagery", ""))
    return Row(record.line, word, translation, reading, style, imagery)


def _line(cell: str) -> str:
    """Return a cell as displayed, on one line."""
    return " ".join(shown(cell).split())


def _check_new(row: Row, lines_seen: dict[tuple[str, ...], int]) -> None:
    """Check that no earlier row requests the same picture.

    Raises:
        _Refused: one does.
    """
    reading = "" if row.translation else row.reading  # it chooses the sense
    first = lines_seen.setdefault((row.word, row.translation, reading, row.style or "", row.imagery), row.line)
    if first != row.line:
        raise _Refused(f"is the same as line {first}")
