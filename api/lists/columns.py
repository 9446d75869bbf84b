"""Which column of a list holds the word, its reading or its translation, by heading or by content."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from api.lists.asides import asides
from api.lists.glosses import is_in_other_characters
from api.lists.headings import Role, roles_of
from api.lists.kinds import (
    BY_SOUND,
    EAST_ASIAN,
    LATIN,
    MOST,
    NO_WORDS,
    READINGS,
    Kind,
    kind_of,
    kinds_of,
    prevailing,
    voters_of,
)
from api.lists.markup import shown, split_word
from api.lists.records import Record
from shared.errors import UnreadableList
from shared.writing.english import is_english
from shared.writing.pinyin import is_pinyin, syllables

FIELDS = ("word", "translation", "reading", "style", "imagery")
LEAVE_OUT = "-"
ADVICE = "say which column is which: columns=word,reading,translation (- leaves one out)"
MOST_TITLES = 5
SHOWN = 40  # how many characters of a column's name a message repeats


@dataclass(frozen=True, slots=True)
class Columns:
    """The meaning of each column.

    Attributes:
        fields: for each column, one of `FIELDS`, or None if it is left out.
        names: their names in the heading; () without a heading.
        known_by: "the heading", "their content" or "the given names".
    """

    fields: Sequence[str | None]
    names: Sequence[str]
    known_by: str

    def __str__(self) -> str:
        parts = []
        for index, field in enumerate(self.fields):
            name = f" “{self.names[index][:SHOWN]}”" if index < len(self.names) and self.names[index] else ""
            parts.append(f"{index + 1}{name} = {field or 'left out'}")
        return f"columns by {self.known_by}: {', '.join(parts)}"


def parse_columns(text: str) -> tuple[str | None, ...]:
    """Return the columns named by a caller.

    Raises:
        UnreadableList: a name is unknown or occurs twice, or the word is missing.
    """
    names = [name.strip().casefold() for name in text.split(",")]
    fields = tuple(None if name in {LEAVE_OUT, ""} else name for name in names)
    named = [field for field in fields if field is not None]
    if unknown := [name for name in named if name not in FIELDS]:
        raise UnreadableList(
            f"columns: unknown name {unknown[0]!r}; available: {', '.join(FIELDS)} and {LEAVE_OUT}", field="columns"
        )
    if len(set(named)) != len(named):
        raise UnreadableList("columns: a name occurs twice", field="columns")
    if "word" not in named:
        raise UnreadableList("columns: one of them must be `word`", field="columns")
    return fields


def titles_of(records: Sequence[Record]) -> Sequence[Record]:
    """Return the lines above a heading that have a single cell, such as the list's name in a spreadsheet."""
    several = (index for index, record in enumerate(records[: MOST_TITLES + 1]) if sum(map(bool, record.cells)) > 1)
    first = next(several, 0)
    is_whole = all(record.fault is None for record in records[:first])
    return records[:first] if first and is_whole and roles_of(records[first].cells) is not None else []


def find_columns(
    records: Sequence[Record],
    *,
    heading: Sequence[str] | None = None,
    left_out: frozenset[int] = frozenset(),
    given: tuple[str | None, ...] | None = None,
    may_rejoin: bool = False,
    styles: Collection[str] = (),
) -> tuple[Columns, bool]:
    """Return the columns and whether the first line is their heading.

    Args:
        records: the lines.
        heading: the names that the file gives elsewhere.
        left_out: columns that do not belong to a word.
        given: the columns as the user named them.
        may_rejoin: whether the last columns may be parts of one meaning.
        styles: the names that show, without a heading, that a column holds styles.

    Raises:
        UnreadableList: the columns are ambiguous.
    """
    first = next((record for record in records if record.fault is None), None)
    names = heading if heading is not None else (first.cells if first is not None else ())
    roles = roles_of(names) if len(names) > 0 else None
    if len(records) == 1 and len(names) == 1 and not names[0].isascii():
        roles = None  # 汉字 by itself is a word
    is_first_line = heading is None and roles is not None
    kinds = kinds_of([record for record in records if record.fault is None and not (is_first_line and record is first)])
    voters = voters_of(records)
    if given is not None:
        is_heading = is_first_line or _is_unlike(first, given, voters)
        return Columns(given, names if is_heading else (), "the given names"), is_heading and heading is None
    if first is not None and is_first_line and len(names) == 1 < len(kinds):
        raise UnreadableList(
            f"line {first.line} ({_quoted(names)}) names one of {len(kinds)} columns; "
            f"delete it, name all columns there, or {ADVICE}"
        )
    if roles is not None:
        fields = _by_heading(names, roles, kinds, left_out)
        if fields is not None:
            return Columns(fields, names, "the heading"), is_first_line
        raise UnreadableList(f"the heading {_quoted(names)} does not name exactly one column of words; {ADVICE}")
    fields = _by_content(kinds, voters, left_out, styles, may_rejoin=may_rejoin)
    if heading is None and first is not None and _is_unlike(first, fields, voters):
        raise UnreadableList(
            f"line {first.line} ({_quoted(first.cells)}) looks like a heading with unknown names; "
            f"delete it, rename the columns to word, reading, translation, or {ADVICE}"
        )
    return Columns(fields, (), "their content"), False


def _by_heading(
    names: Sequence[str], roles: Sequence[Role | None], kinds: Sequence[Kind], left_out: frozenset[int]
) -> tuple[str | None, ...] | None:
    """Return the columns named by a heading; None if it does not name a word column, or is ambiguous."""
    places: dict[Role, list[int]] = {}
    for index, role in enumerate(roles):
        if role is not None and index not in left_out:
            places.setdefault(role, []).append(index)
    word = _word_of(places, kinds)
    if word is None:
        return None
    fields: list[str | None] = [None] * len(names)
    fields[word] = "word"
    for field, wanted in (
        ("translation", (Role.ENGLISH, Role.TRANSLATION, Role.BACK, Role.FRONT, Role.LANGUAGE)),
        ("reading", (Role.READING,)),
        ("style", (Role.STYLE,)),
        ("imagery", (Role.IMAGERY,)),
    ):
        free = (index for role in wanted for index in places.get(role, ()) if fields[index] is None)
        if (place := next(free, None)) is not None:
            fields[place] = field
    if "translation" not in fields:  # Wort,word
        free = (index for index in places.get(Role.WORD, ()) if fields[index] is None and _is_latin(index, kinds))
        if (place := next(free, None)) is not None:
            fields[place] = "translation"
    return tuple(fields)


def _word_of(places: dict[Role, list[int]], kinds: Sequence[Kind]) -> int | None:
    """Return the column of the word, or None."""
    for role in (Role.WORD, Role.OTHER_FORM):
        if role in places:
            return places[role][0]
    if languages := places.get(Role.LANGUAGE):
        return languages[0] if len(languages) == 1 else _foreign_one(languages, kinds)
    if sides := [*places.get(Role.FRONT, []), *places.get(Role.BACK, [])]:
        foreign = [index for index in sides if _is_foreign(index, kinds)]
        return _foreign_one(foreign, kinds) if foreign else places.get(Role.FRONT, [None])[0]
    # In a list in kana, the reading is the word.
    return _only([index for index in places.get(Role.READING, []) if index < len(kinds) and kinds[index] is Kind.KANA])


def _foreign_one(columns: Sequence[int], kinds: Sequence[Kind]) -> int | None:
    """Return the only column in East Asian characters, else the only one that is not in Latin letters."""
    east_asian = [index for index in columns if index < len(kinds) and kinds[index] in EAST_ASIAN]
    return _only(east_asian or [index for index in columns if _is_foreign(index, kinds)])


def _is_foreign(index: int, kinds: Sequence[Kind]) -> bool:
    return index < len(kinds) and kinds[index] not in {*LATIN, Kind.MIXED, *NO_WORDS}


def _is_latin(index: int, kinds: Sequence[Kind]) -> bool:
    return index < len(kinds) and kinds[index] is Kind.LATIN


def _only(indices: Sequence[int]) -> int | None:
    return indices[0] if len(indices) == 1 else None


def _by_content(
    kinds: Sequence[Kind],
    records: Sequence[Record],
    left_out: frozenset[int],
    styles: Collection[str],
    *,
    may_rejoin: bool,
) -> tuple[str | None, ...]:
    """Return the columns by their content.

    Raises:
        UnreadableList: the content is ambiguous.
    """
    fields: list[str | None] = [None] * len(kinds)
    left_out |= asides([_cells(records, index) for index in range(len(kinds))], kinds)
    open_columns = [index for index, kind in enumerate(kinds) if kind not in NO_WORDS and index not in left_out]
    if not open_columns:
        # Only numbers, or nothing at all: take the first column, and each line reports its own fault.
        return ("word", *fields[1:])
    word = _word_by_content(kinds, open_columns)
    fields[word] = "word"
    rest = [index for index in open_columns if index != word]
    with_meanings = {index for index in rest if _has_meanings_below(_cells(records, index))}
    for index in rest:
        is_reading = kinds[index] in READINGS.get(kinds[word], ()) and index not in with_meanings
        if is_reading and "reading" not in fields:
            fields[index] = "reading"
    latin = [index for index in rest if kinds[index] is Kind.LATIN or index in with_meanings]
    latin = _name_beside(fields, latin, word, records, styles)
    if may_rejoin and _are_meanings(latin, fields, records):
        del fields[latin[0] + 1 :]
        rest, latin = [index for index in rest if index <= latin[0]], latin[:1]
    _name_translation(fields, latin, records)
    others = [index for index in rest if fields[index] is None and kinds[index] not in LATIN]
    others = [index for index in others if not _repeats(kinds, word, index, records)]
    if "translation" not in fields and len(others) == 1 and not ({kinds[others[0]], kinds[word]} <= EAST_ASIAN):
        fields[others[0]] = "translation"
    elif others:
        advice = ADVICE if len(records) > 1 else f"write each word on a line of its own, or {ADVICE}"
        raise UnreadableList(f"columns {word + 1} and {others[0] + 1} could both contain the word; {advice}")
    return tuple(fields)


def _word_by_content(kinds: Sequence[Kind], columns: Sequence[int]) -> int:
    for wanted in (Kind.HAN, Kind.HANGUL, Kind.KANA):
        places = [index for index in columns if kinds[index] is wanted]
        if places:
            return places[0]
    foreign = [index for index in columns if kinds[index] not in {*LATIN, Kind.BOPOMOFO, Kind.MIXED}]
    if len(foreign) == 1:
        return foreign[0]
    if foreign:
        raise UnreadableList(f"columns {foreign[0] + 1} and {foreign[1] + 1} could both contain the word; {ADVICE}")
    mixed = [index for index in columns if kinds[index] is Kind.MIXED]
    if len(mixed) > 1:
        raise UnreadableList(f"column {mixed[0] + 1} contains several scripts; {ADVICE}")
    if mixed:
        return mixed[0]
    if kinds[columns[0]] in {Kind.PINYIN, Kind.BOPOMOFO}:
        raise UnreadableList(f"column {columns[0] + 1} contains readings, but no column contains the words; {ADVICE}")
    return columns[0]


def _repeats(kinds: Sequence[Kind], word: int, index: int, records: Sequence[Record]) -> bool:
    """Return whether a column has the word again in 90 % of the lines: in a longer text, or in other characters."""
    if kinds[word] is not Kind.HAN or kinds[index] is not Kind.HAN:
        return False
    pairs = [
        (split_word(record.cells[word])[0], split_word(record.cells[index])[0])
        for record in records
        if len(record.cells) > max(word, index)
    ]
    same = sum(one in other or is_in_other_characters(one, other) for one, other in pairs)
    return bool(pairs) and same >= 0.9 * len(pairs)


def _has_meanings_below(cells: Sequence[str]) -> bool:
    """Return whether most cells have a meaning on the lines below a reading, as the backs of flashcards do."""
    lines = [shown(cell).split("\n") for cell in cells]
    kinds = [(kind_of(first), [kind_of(line) for line in below]) for first, *below in lines]
    return sum(kind in BY_SOUND and Kind.LATIN in below for kind, below in kinds) >= MOST * len(cells) > 0


def _name_beside(
    fields: list[str | None], latin: list[int], word: int, records: Sequence[Record], styles: Collection[str]
) -> list[int]:
    """Name the columns of styles and of readings without tones, and return the other ones in Latin letters."""
    if len(latin) > 1 and all(cell in styles for cell in _cells(records, latin[-1])):
        fields[latin[-1]] = "style"
        latin = latin[:-1]
    if len(latin) > 1 and "reading" not in fields:
        readings = [index for index in latin if _follows(records, word, index)]
        if len(readings) == 1:
            fields[readings[0]] = "reading"
            latin = [index for index in latin if index != readings[0]]
    return latin


def _name_translation(fields: list[str | None], latin: list[int], records: Sequence[Record]) -> None:
    """Name the column in Latin letters that holds the translation: the only one, or the one that is English.

    Raises:
        UnreadableList: there are several.
    """
    english = [index for index in latin if _is_mostly_english(_cells(records, index))]
    filled = [{index for index in latin if index < len(record.cells) and record.cells[index]} for record in records]
    if len(latin) > 1 and english and all(row.intersection(english) for row in filled if row):
        latin = english
    if len(latin) > 1:
        raise UnreadableList(f"columns {latin[0] + 1} and {latin[1] + 1} could both contain the translation; {ADVICE}")
    if latin:
        fields[latin[0]] = "translation"


def _is_mostly_english(cells: Sequence[str]) -> bool:
    return sum(map(is_english, cells)) >= MOST * len(cells)


def _are_meanings(latin: Sequence[int], fields: Sequence[str | None], records: Sequence[Record]) -> bool:
    """Return whether columns are parts of meanings with commas, rather than a table's own columns.

    They are the last ones, some lines have one part, and what others have besides is English and not often the same.
    """
    if len(latin) < 2 or list(latin) != list(range(latin[0], len(fields))):
        return False
    parts = [list(filter(None, record.cells[latin[0] :])) for record in records]
    several = [cells for cells in parts if len(cells) > 1]
    english = sum(all(map(is_english, cells)) for cells in several)
    return len(several) < len(parts) and min(english, len({cells[-1] for cells in several})) >= MOST * len(several)


def _follows(records: Sequence[Record], word: int, index: int) -> bool:
    """Return whether a column holds pinyin without tones, with one syllable per character of the word."""
    pairs = [(record.cells[word], record.cells[index]) for record in records if len(record.cells) > max(word, index)]
    fits = sum(
        is_pinyin(reading, with_tones=False) and syllables(reading) == len(split_word(characters)[0])
        for characters, reading in pairs
        if reading
    )
    return bool(pairs) and fits >= MOST * sum(bool(reading) for _, reading in pairs) > 0


def _cells(records: Sequence[Record], column: int) -> list[str]:
    return [record.cells[column] for record in records if column < len(record.cells) and record.cells[column]]


def _is_unlike(first: Record | None, fields: Sequence[str | None], records: Sequence[Record]) -> bool:
    """Return whether the first line looks like a heading: the cells below it are in another script."""
    if first is None:
        return False
    rest = [record for record in records if record.fault is None and record is not first]
    for column, (cell, field) in enumerate(zip(first.cells, fields, strict=False)):
        below = prevailing(_cells(rest, column))
        is_latin, latin_below = kind_of(cell) in LATIN, below in LATIN
        if field == "word" and is_latin and not latin_below and below not in {Kind.EMPTY, Kind.MIXED}:
            return True
        if field in {"translation", "reading"} and latin_below and not is_latin and kind_of(cell) not in NO_WORDS:
            return True
    return False


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(shown(name)[:SHOWN] for name in names)
