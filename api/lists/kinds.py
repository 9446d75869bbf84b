"""What the cells of a list contain: numbers, links, or text in a script."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from api.lists.markup import split_word
from api.lists.readings import split_meaning
from api.lists.records import VOTERS, Record
from api.lists.scripts import scripts_in
from shared.writing.pinyin import has_certain_tones, is_pinyin

MOST = 0.8  # the share of a column's cells that determines its kind
FEW = 0.2  # a trailing column filled in a smaller share of lines is ignored


class Kind(StrEnum):
    """What a cell contains: nothing, a number, a link, or text in a script."""

    EMPTY = ""
    NUMBER = "number"
    LINK = "link"
    LATIN = "latin"
    PINYIN = "pinyin"  # with tones
    HAN = "han"  # also with kana
    HANGUL = "hangul"
    KANA = "kana"
    BOPOMOFO = "bopomofo"
    OTHER = "other"  # in another script
    MIXED = "mixed"  # in several scripts


EAST_ASIAN = frozenset({Kind.HAN, Kind.KANA, Kind.HANGUL})
LATIN = frozenset({Kind.LATIN, Kind.PINYIN})
NO_WORDS = frozenset({Kind.EMPTY, Kind.NUMBER, Kind.LINK})  # never words of a list
BY_SOUND = frozenset({Kind.PINYIN, Kind.KANA, Kind.BOPOMOFO})
# The kinds in which the readings of words are written.
READINGS = {
    Kind.HAN: frozenset({Kind.PINYIN, Kind.BOPOMOFO, Kind.KANA}),
    Kind.KANA: frozenset({Kind.BOPOMOFO}),
    Kind.HANGUL: frozenset({Kind.BOPOMOFO}),
    Kind.MIXED: frozenset({Kind.PINYIN, Kind.BOPOMOFO}),
}


def kind_of(cell: str) -> Kind:
    """Return what a cell contains."""
    word, _ = split_word(cell)
    _, word = split_meaning(word)
    if not word:
        return Kind.EMPTY
    if re.match(r"(https?://|www\.)|.+\.(mp3|ogg|wav|png|jpe?g|gif|svg)$", word, re.IGNORECASE):
        return Kind.LINK
    scripts = scripts_in(word)
    if not scripts:
        return Kind.NUMBER
    for kind in (Kind.HAN, Kind.HANGUL, Kind.KANA, Kind.BOPOMOFO):
        if kind.capitalize() in scripts:
            return kind
    if scripts == {"Latin"}:
        return Kind.PINYIN if is_pinyin(word, with_tones=True) else Kind.LATIN
    return Kind.OTHER if len(scripts - {"Latin"}) == 1 else Kind.MIXED


def voters_of(records: Sequence[Record]) -> Sequence[Record]:
    """Return the lines whose content shows what the columns are: all, or `VOTERS` or fewer from the whole of the list.

    The distance between them is odd, so that where two kinds of lines alternate, both vote.
    """
    distance = -(-len(records) // VOTERS)
    return records[:: distance | 1]


def kinds_of(records: Sequence[Record]) -> list[Kind]:
    """Return the prevailing kind of each column's non-empty cells; MIXED if none prevails."""
    filled = Counter(column for record in records for column, cell in enumerate(record.cells) if cell)
    # Cells that only a few lines have at the end come from a surplus separator, not from a column.
    in_use = (column for column, count in filled.items() if count >= FEW * len(records))
    width = max(in_use, default=0) + 1 if records else 0
    voters = voters_of(records)
    columns = [[record.cells[column] for record in voters if column < len(record.cells)] for column in range(width)]
    kinds = [prevailing(cells) for cells in columns]
    if {Kind.HAN, Kind.MIXED}.isdisjoint(kinds):  # mamá and bà look like pinyin; beside Chinese words, dà is
        for index, cells in enumerate(columns):
            if kinds[index] is Kind.PINYIN and not any(map(has_certain_tones, cells)):
                kinds[index] = Kind.LATIN
    return kinds


def prevailing(cells: Iterable[str]) -> Kind:
    """Return the kind of most of a column's cells that are not empty; MIXED if there is none."""
    return _most(Counter(kind for cell in cells if (kind := kind_of(cell))))


def _most(counts: Counter[Kind]) -> Kind:
    total = counts.total()
    if not total:
        return Kind.EMPTY
    if counts[Kind.PINYIN]:  # the neutral tone has no mark, and a few words of other languages look like pinyin
        counts = counts.copy()
        latin = counts[Kind.LATIN]
        winner = Kind.PINYIN if counts[Kind.PINYIN] >= MOST * (counts[Kind.PINYIN] + latin) else Kind.LATIN
        counts[winner] = counts.pop(Kind.PINYIN) + counts.pop(Kind.LATIN, 0)
    if counts[Kind.HAN] and counts[Kind.HAN] + counts[Kind.KANA] >= MOST * total:
        return Kind.HAN
    kind, count = counts.most_common(1)[0]
    return kind if count >= MOST * total else Kind.MIXED
