"""Delimited text as cells: CSV and the dialects of spreadsheets and learning programs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from api.lists.headings import role_of
from api.lists.markers import without_emphasis, without_markers
from api.lists.runs import divide, is_pair
from shared.errors import UnreadableList

# Separators of one character, and those of hand-typed lists, which most lines must have before any of the former.
SEPARATORS = {
    "\t": "tab", ",": "comma", ";": "semicolon", "|": "vertical bar", "，": "，", "；": "；", "،": "،", "؛": "؛",
    "\x1f": "change of script", "\x1e": "spaces",
}  # fmt: skip
CHANGE_OF_SCRIPT = "\x1f"  # put where a line has nothing but spaces or brackets between a word and its meaning
ALIGNMENT = "\x1e"  # put where a line has two or more spaces between cells
# What a line without the list's separator may have in its place: people mix keyboards, and tabs with commas.
COMMAS = "\t,，،"
SEMICOLONS = "\t;；؛"
ALIKE = dict.fromkeys(COMMAS + CHANGE_OF_SCRIPT, COMMAS) | dict.fromkeys(SEMICOLONS[1:], SEMICOLONS)
ASCII = {"，": ",", "،": ",", "；": ";", "؛": ";"}
BY_HAND = (" - ", " – ", " — ", " = ", " : ", ": ", "：", " → ", " -> ", " => ")
ANKI_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "colon": ":", "space": " "}
DIRECTIVE = re.compile(r"#\s*([a-z]+(?: [a-z]+)?)\s*:(.*)", re.IGNORECASE)
COLUMN_DIRECTIVES = ("tags column", "deck column", "notetype column", "guid column")
# Where a separator divides no cells.
ENCLOSED = re.compile(r'"[^"]*"|\([^()]*\)|（[^（）]*）|\[[^\[\]]*\]|【[^【】]*】')
COLUMN = re.compile(r"[0-9]{1,4}")
SPACES = re.compile(r"(?<=\S)[ \u3000]{2,}(?=\S)")
LINE_END = re.compile(r"\r\n|\r|\n")
RARE_LINE_END = re.compile(r"[\x0b\x0c\x85\u2028\u2029]")  # of presentations and layouts, without any other
MOST_LINES = 10_000  # that are not blank; a spreadsheet also writes separators in empty rows
BLANK = ' \t,;|，；،؛"'
# Drawn below a heading, between parts of a list, or around one in a chat.
RULE = re.compile(r"[-=_*~:|+\s]*[-=_*~]{3}[-=_*~:|+\s]*|```\s*\w*\s*")
COMMENT = re.compile(r"//|#+ +(?=\w)")
MOST_CELLS = 100  # in a record
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
        rejoins: what joins the parts of a meaning that its own commas divided; None where they cannot have done so.
        heading: the columns' names, where a metadata line gives them (Anki's `#columns:`).
        left_out: columns, from 0, with a program's own data.
        notes: lines that are not words, and why.
    """

    records: list[Record]
    separator: str
    rejoins: str | None = None
    heading: Sequence[str] | None = None
    left_out: frozenset[int] = frozenset()
    notes: list[tuple[int, str]] = field(default_factory=list)


class _Unmatched(Exception):
    """A record's quotes do not match.

    Args:
        reason: what is wrong with them.
        last: the index of the last line that was read.
    """

    def __init__(self, reason: str, last: int) -> None:
        super().__init__(f"its quotes do not match: {reason}")
        self.last = last


def read_table(text: str, most: int | None = None) -> Table:
    """Return a text as a table of cells.

    Args:
        text: the file's content.
        most: the number of records to read; later ones are ignored. None reads all.

    Raises:
        UnreadableList: it has more than `MOST_LINES` lines to read, or names more than `MOST_CELLS` columns.
    """
    lines = LINE_END.split(text)
    if sum(map(bool, lines)) == 1:
        lines = [part for line in lines for part in RARE_LINE_END.split(line)]
    notes: list[tuple[int, str]] = []
    said, start = _preamble(lines[:MOST_LINES], notes)
    lines[start:] = map(without_emphasis, without_markers(lines[start:]))
    if "separator" not in said and _are_aligned(lines[start:MOST_LINES]):
        lines[start:] = (SPACES.sub(ALIGNMENT, line) for line in lines[start:])
    separator = said.get("separator") or _separator(lines[start:MOST_LINES])
    if separator != ALIGNMENT and "separator" not in said and _are_pairs(lines[start:MOST_LINES]):
        separator = CHANGE_OF_SCRIPT
        start = _after_heading(lines, start, notes)
        end = _end(lines, start)
        lines[start:end] = divide(lines[start:end], separator)
    heading = _heading(said.get("columns"), separator)
    return Table(
        records=list(islice(_records(lines, start, separator, notes), most)),
        separator=separator,
        rejoins=_rejoins(separator, text),
        heading=heading,
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


def _heading(columns: str | None, separator: str) -> list[str] | None:
    if columns is None:
        return None
    names = [name.strip() for name in columns.split(separator)]
    if len(names) > MOST_CELLS:
        raise UnreadableList(f"#columns: names {len(names)} columns; the limit is {MOST_CELLS}")
    return names


def _anki_separator(value: str) -> str:
    return ANKI_SEPARATORS.get(value.strip().casefold()) or (value.strip(" ") or value)[:1]


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that comes first in most lines, since a word rarely contains one.

    In "der Hund, -e;dog" it does: only the other separator is regular, as programs write theirs.
    """
    voters = [ENCLOSED.sub("", line) for line in lines if line.strip() and not COMMENT.match(line)][:VOTERS]
    by_hand = Counter(first for line in voters if (first := _first_by_hand(line)))
    if by_hand and by_hand.most_common(1)[0][1] * 2 > len(voters):
        return by_hand.most_common(1)[0][0]
    votes = Counter(first for line in voters if (first := _first_separator(line)))
    voted = votes.most_common(1)[0][0] if votes else ","
    regular = [separator for separator in SEPARATORS if len(voters) > 1 and _is_regular(separator, voters)]
    return voted if voted in regular or not regular else regular[0]


def _is_regular(separator: str, lines: Sequence[str]) -> bool:
    """Return whether all lines have a separator equally often, never before a space or after a word and its meaning."""
    if len({line.count(separator) for line in lines}) != 1 or separator not in lines[0]:
        return False
    return not any(f"{separator} " in line or is_pair(line.partition(separator)[0]) for line in lines)


def _first_separator(line: str) -> str | None:
    if "\t" in line:
        return "\t"
    return next((character for character in line if character in SEPARATORS), None)


def _first_by_hand(line: str) -> str | None:
    """Return the separator of hand-typed lists that comes first in a line, if no other separator comes before it."""
    before = line.partition(_first_separator(line) or "\n")[0]
    found = [(place, separator) for separator in BY_HAND if (place := before.find(separator)) >= 0]
    return min(found)[1] if found else None


def _are_aligned(lines: Sequence[str]) -> bool:
    """Return whether most lines have cells below each other, as in the text of a PDF: with spaces before any separator.

    A program would write quotes or tabs.
    """
    filled = [line for line in lines if line.strip()][:VOTERS]
    is_typed = not any('"' in line or "\t" in line for line in filled)
    return is_typed and sum(SPACES.search(_head(line)) is not None for line in filled) * 2 > len(filled)


def _are_pairs(lines: Sequence[str]) -> bool:
    """Return whether at least half of the lines are pairs before their first separator, which belongs to a meaning.

    A program would write quotes or tabs.
    """
    filled = [line for line in lines if line.strip()][:VOTERS]
    pairs = sum("\t" not in line and is_pair(_head(line)) for line in filled)
    return not any('"' in line for line in filled) and bool(filled) and pairs * 2 >= len(filled)


def _after_heading(lines: Sequence[str], start: int, notes: list[tuple[int, str]]) -> int:
    """Return the index of the first line that is not a heading of pairs: 单词 意思. Their content shows the columns."""
    index = next(index for index in range(start, len(lines)) if lines[index].strip())
    names = lines[index].split()
    if len(names) < 2 or is_pair(lines[index]) or not all(map(role_of, names)):
        return start
    notes.append((index + 1, "the heading"))
    return index + 1


def _end(lines: Sequence[str], start: int) -> int:
    """Return the index after the lines that a list may have. Further ones are refused, so nobody needs them divided."""
    filled = (index for index in range(start, len(lines)) if lines[index].strip())
    return next(islice(filled, MOST_LINES, None), len(lines))


def _head(line: str) -> str:
    """Return the part of a line before its first separator."""
    return line.partition(_first_by_hand(line) or _first_separator(line) or "\n")[0]


def _rejoins(separator: str, text: str) -> str | None:
    """Return what joins a meaning's parts. A program puts quotes around a meaning with the separator in it."""
    is_comma = separator in COMMAS + SEMICOLONS and separator != "\t"
    return f"{ASCII.get(separator, separator)} " if is_comma and '"' not in text else None


def _records(lines: Sequence[str], start: int, separator: str, notes: list[tuple[int, str]]) -> Iterator[Record]:
    """Yield the lines that are not blank. A quoted cell may span several.

    Unmatched quotes invalidate only the line where they open; reading resumes with the next line. A quote that is still
    open at the beginning of a line that was read then is unmatched, too, so no line is read more than twice.

    Raises:
        UnreadableList: there are more than `MOST_LINES` lines.
    """
    index = last_unmatched = start
    left = MOST_LINES
    while index < len(lines):
        line = index + 1
        if not lines[index].replace(separator, "").strip():  # all cells are empty; a file may have a million such lines
            index += 1
            continue
        if lines[index].strip(BLANK):
            left -= 1
        if left < 0:
            raise UnreadableList(f"the list has more than {MOST_LINES} lines; divide it")
        if COMMENT.match(lines[index]):
            notes.append((line, f"{lines[index][:40]}: a category or a comment"))
            index += 1
            continue
        try:
            cells, index = _cells(lines, index, _separator_of(lines[index], separator), last_unmatched)
        except _Unmatched as error:
            yield Record(line, (), fault=str(error))
            index, last_unmatched = index + 1, max(last_unmatched, error.last)
            continue
        if RULE.fullmatch(lines[line - 1]):
            notes.append((line, "a dividing line"))
        elif any(cells):
            fault = _excess(cells)
            yield Record(line, cells) if fault is None else Record(line, (), fault)


def _separator_of(line: str, separator: str) -> str:
    """Return a line's separator: the list's, or the first one like it where the line has none of the list's."""
    if separator in line or '"' in line:
        return separator
    return next((character for character in line if character in ALIKE.get(separator, "")), separator)


def _excess(cells: Sequence[str]) -> str | None:
    """Return which limit a line's cells exceed; None if they keep both. Empty cells at the end do not count."""
    filled = max(index for index, cell in enumerate(cells, start=1) if cell)
    if filled > MOST_CELLS:
        return f"has {filled} cells; the limit is {MOST_CELLS}"
    longest = max(map(len, cells))
    return f"has a cell of {longest} characters; the limit is {LONGEST_CELL}" if longest > LONGEST_CELL else None


def _cells(lines: Sequence[str], index: int, separator: str, last_unmatched: int) -> tuple[list[str], int]:
    """Return the cells of the record that begins at a line, and the index of the line after it.

    Raises:
        _Unmatched: its quotes do not match.
    """
    cells: list[str] = []
    line, position = lines[index], 0
    while True:
        start = position if separator == " " else _after_spaces(line, position)
        if line.startswith('"', start):
            cell, index, position = _quoted(lines, index, start + 1, last_unmatched)
            line = lines[index]
            position = position if separator.startswith(" ") else _after_spaces(line, position)
            if position < len(line) and not line.startswith(separator, position):
                raise _Unmatched("there is text after a closing quote", index)
        else:
            end = line.find(separator, position)
            end = len(line) if end < 0 else end
            cell, position = line[position:end], end
        cells.append(cell.strip())
        if position >= len(line):
            return cells, index + 1
        position += len(separator)


def _after_spaces(line: str, position: int) -> int:
    """Return the position after the spaces that begin at a position."""
    while line.startswith(" ", position):
        position += 1
    return position


def _quoted(lines: Sequence[str], index: int, position: int, last_unmatched: int) -> tuple[str, int, int]:
    """Return the cell that begins after a quote, the line where it ends, and the position after its closing quote.

    Raises:
        _Unmatched: it has no closing quote, or goes on in a line up to `last_unmatched`.
    """
    parts: list[str] = []
    while True:
        line = lines[index]
        while (quote := line.find('"', position)) >= 0:
            parts.append(line[position:quote])
            if not line.startswith('"', quote + 1):
                return "".join(parts), index, quote + 1
            parts.append('"')
            position = quote + 2
        if index + 1 <= last_unmatched or index + 1 == len(lines):
            raise _Unmatched("a quote is never closed", index)
        parts.append(line[position:] + "\n")
        index, position = index + 1, 0
