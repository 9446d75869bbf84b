"""Delimited text as cells: CSV and the dialects of spreadsheets and learning programs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# Separators of one character, and those of hand-typed lists, which most lines must have before any of the former.
SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "vertical bar", "，": "，", "；": "；"}
BY_HAND = (" - ", " – ", " — ", " = ", " : ", ": ", "：", " → ", " -> ", " => ")
ANKI_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "colon": ":", "space": " "}
DIRECTIVE = re.compile(r"#\s*([a-z]+(?: [a-z]+)?)\s*:(.*)", re.IGNORECASE)
COLUMN_DIRECTIVES = ("tags column", "deck column", "notetype column", "guid column")
COLUMN = re.compile(r"[0-9]{1,4}")
LINE_END = re.compile(r"\r\n|\r|\n")
LONGEST_CELL = 10_000
VOTERS = 500


@dataclass(frozen=True, slots=True)
class Record:
    """A line's cells, trimmed. `fault` is what is wrong with the line, if anything."""

    line: int
    cells: Sequence[str]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file's lines and its metadata.

    Attributes:
        records: the lines that are not blank.
        separator: the text between two cells.
        heading: the columns' names, where a metadata line gives them (Anki's `#columns:`).
        left_out: columns, from 0, with a program's own data.
        notes: lines that are not words, and why.
    """

    records: list[Record]
    separator: str
    heading: Sequence[str] | None = None
    left_out: frozenset[int] = frozenset()
    notes: list[tuple[int, str]] = field(default_factory=list)


def read_table(text: str) -> Table:
    """Return a text as a table of cells."""
    lines = LINE_END.split(text)
    notes: list[tuple[int, str]] = []
    said, start = _preamble(lines, notes)
    separator = said.get("separator") or _separator(lines[start:])
    columns = said.get("columns")
    return Table(
        records=list(_records(lines, start, separator, notes)),
        separator=separator,
        heading=None if columns is None else [cell.strip() for cell in columns.split(separator)],
        left_out=frozenset(int(said[name]) - 1 for name in COLUMN_DIRECTIVES if COLUMN.fullmatch(said.get(name, ""))),
        notes=notes,
    )


def separator_name(separator: str) -> str:
    """Return the name of a separator."""
    return SEPARATORS.get(separator, f"“{separator}”")


def _preamble(lines: Sequence[str], notes: list[tuple[int, str]]) -> tuple[dict[str, str], int]:
    """Return the metadata in the first lines, by name, and the index of the first line after them, from 0."""
    said: dict[str, str] = {}
    for index, line in enumerate(lines):
        if excel := re.fullmatch(r'"?sep=(.)"?[,;\t]*', line.strip(" "), re.IGNORECASE):
            said["separator"] = excel[1]
        elif directive := DIRECTIVE.fullmatch(line):
            name, value = directive[1].casefold(), directive[2]
            said[name] = _anki_separator(value) if name == "separator" else value.strip(" ")
        elif line.strip() or index == len(lines) - 1:
            return said, index
        if line.strip():
            notes.append((index + 1, f"{line.strip()[:40]}: metadata for programs"))
    return said, len(lines)


def _anki_separator(value: str) -> str:
    return ANKI_SEPARATORS.get(value.strip().casefold()) or (value.strip(" ") or value)[:1]


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that comes first in most lines; the word comes first and does not contain one."""
    voters = [re.sub(r'"[^"]*"', "", line) for line in lines if line.strip() and not line.startswith("//")][:VOTERS]
    by_hand = Counter(first for line in voters if (first := _first_by_hand(line)))
    if by_hand and by_hand.most_common(1)[0][1] * 2 > len(voters):
        return by_hand.most_common(1)[0][0]
    votes = Counter(first for line in voters if (first := _first_separator(line)))
    return votes.most_common(1)[0][0] if votes else ","


def _first_separator(line: str) -> str | None:
    if "\t" in line:
        return "\t"
    return next((character for character in line if character in SEPARATORS), None)


def _first_by_hand(line: str) -> str | None:
    """Return the separator of hand-typed lists that comes first in a line, if no other separator comes before it."""
    before = line.partition(_first_separator(line) or "\n")[0]
    found = [(place, separator) for separator in BY_HAND if (place := before.find(separator)) >= 0]
    return min(found)[1] if found else None


def _records(lines: Sequence[str], start: int, separator: str, notes: list[tuple[int, str]]) -> Iterator[Record]:
    """Yield the lines that are not blank. A quoted cell may span several.

    Unmatched quotes invalidate only the line where they open; reading resumes with the next line.
    """
    index = start
    while index < len(lines):
        line = index + 1
        if lines[index].startswith("//"):
            notes.append((line, f"{lines[index][:40]}: a category or a comment"))
            index += 1
            continue
        try:
            cells, index = _cells(lines, index, separator)
        except ValueError as error:
            yield Record(line, (), fault=str(error))
            index += 1
            continue
        if any(cells):
            longest = max(map(len, cells))
            fault = (
                f"has a cell of {longest} characters; the limit is {LONGEST_CELL}" if longest > LONGEST_CELL else None
            )
            yield Record(line, cells, fault)


def _cells(lines: Sequence[str], index: int, separator: str) -> tuple[list[str], int]:
    """Return the cells of the record that begins at a line, and the index of the line after it.

    Raises:
        ValueError: its quotes do not match.
    """
    cells: list[str] = []
    line, position = lines[index], 0
    while True:
        start = position + len(line[position:]) - len(line[position:].lstrip(" "))
        if line.startswith('"', start):
            cell, index, position = _quoted(lines, index, start + 1)
            line = lines[index]
            rest = line[position:]
            position += len(rest) - len(rest.lstrip(" ")) if not separator.startswith(" ") else 0
            if position < len(line) and not line.startswith(separator, position):
                raise ValueError("its quotes do not match: there is text after a closing quote")
        else:
            end = line.find(separator, position)
            end = len(line) if end < 0 else end
            cell, position = line[position:end], end
        cells.append(cell.strip())
        if position >= len(line):
            return cells, index + 1
        position += len(separator)


def _quoted(lines: Sequence[str], index: int, position: int) -> tuple[str, int, int]:
    """Return the cell that begins after a quote, the line where it ends, and the position after its closing quote."""
    parts: list[str] = []
    while index < len(lines):
        line = lines[index]
        while (quote := line.find('"', position)) >= 0:
            parts.append(line[position:quote])
            if not line.startswith('"', quote + 1):
                return "".join(parts), index, quote + 1
            parts.append('"')
            position = quote + 2
        parts.append(line[position:] + "\n")
        index, position = index + 1, 0
    raise ValueError("its quotes do not match: a quote is never closed")
