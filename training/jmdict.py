"""JMdict's entries, read from the SQLite database of PyPI's ``jamdict-data``.

Its tables are named after JMdict's elements: KJP are the priority tags of a kanji form, KNP those of a reading, KJI and
KNI their remarks, KNR the kanji forms that a reading belongs to, and stagk and stagr the forms that have a sense.
"""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

OUTDATED = frozenset({
    "word containing out-dated kanji",
    "word containing irregular kanji usage",
    "word containing irregular kana usage",
    "out-dated or obsolete kana usage",
})  # fmt: skip
IRREGULAR_ENDING = "irregular okurigana usage"


@dataclass(frozen=True, slots=True)
class Form:
    """A written form of an entry, in kanji or in kana.

    Attributes:
        text: the form as listed.
        place: its place among the entry's forms of its kind, from 0.
        tags: its priority tags, such as "ichi1" and "nf05".
        is_outdated: whether its kanji or kana are outdated or irregular.
        has_irregular_ending: whether its kana ending is irregular (終る for 終わる).
        is_kana_alone: of a reading: whether it is not one of the entry's kanji (ヒト).
        only_of: of a reading: the kanji forms that it belongs to; all if empty.
    """

    text: str
    place: int
    tags: frozenset[str]
    is_outdated: bool
    has_irregular_ending: bool = False
    is_kana_alone: bool = False
    only_of: frozenset[str] = frozenset()

    def reads(self, kanji: str) -> bool:
        """Return whether this reading belongs to a kanji form."""
        return not self.is_kana_alone and (not self.only_of or kanji in self.only_of)


@dataclass(frozen=True, slots=True)
class Meaning:
    """A sense of an entry.

    Attributes:
        place: its place in the entry, from 0.
        glosses: its translations.
        parts: parts of speech, in JMdict's words.
        marks: what the register is, such as "archaism".
        fields: the fields that it belongs to, such as "sumo".
        dialects: the dialects that it belongs to.
        notes: remarks on its use.
        only_of: the forms that have this sense; all if empty.
    """

    place: int
    glosses: tuple[str, ...]
    parts: frozenset[str]
    marks: frozenset[str]
    fields: frozenset[str]
    dialects: frozenset[str]
    notes: tuple[str, ...]
    only_of: frozenset[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of JMdict."""

    kanji: tuple[Form, ...]
    kana: tuple[Form, ...]
    meanings: tuple[Meaning, ...] = field(default=())

    @property
    def is_common(self) -> bool:
        """Return whether a form has a priority tag."""
        return any(form.tags for form in (*self.kanji, *self.kana))


def read_entries(path: Path) -> list[Entry]:
    """Return all entries, in JMdict's order."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        kanji = _forms(connection, "Kanji", "KJP", "KJI")
        kana = _forms(connection, "Kana", "KNP", "KNI")
        meanings = _meanings(connection)
        numbers = [number for (number,) in connection.execute("SELECT idseq FROM Entry ORDER BY idseq")]
    return [Entry(tuple(kanji[one]), tuple(kana[one]), tuple(meanings[one])) for one in numbers]


def _texts(connection: sqlite3.Connection, table: str, key: str) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for owner, text in connection.execute(f"SELECT {key}, text FROM {table} ORDER BY rowid"):  # noqa: S608
        found[owner].append(text)
    return found


def _forms(connection: sqlite3.Connection, table: str, tag_table: str, mark_table: str) -> Mapping[int, list[Form]]:
    tags, marks = _texts(connection, tag_table, "kid"), _texts(connection, mark_table, "kid")
    restrictions = _texts(connection, "KNR", "kid") if table == "Kana" else {}
    alone = "nokanji" if table == "Kana" else "0"
    forms: dict[int, list[Form]] = defaultdict(list)
    query = f"SELECT ID, idseq, text, {alone} FROM {table} ORDER BY ID"  # noqa: S608
    for number, entry, text, is_kana_alone in connection.execute(query):
        own = marks.get(number, [])
        forms[entry].append(
            Form(
                text,
                len(forms[entry]),
                frozenset(tags.get(number, ())),
                not OUTDATED.isdisjoint(own),
                IRREGULAR_ENDING in own,
                bool(is_kana_alone),
                frozenset(restrictions.get(number, ())),
            )
        )
    return forms


def _meanings(connection: sqlite3.Connection) -> Mapping[int, list[Meaning]]:
    def texts(table: str) -> Mapping[int, list[str]]:
        return _texts(connection, table, "sid")

    glosses, parts, marks, notes = texts("SenseGloss"), texts("pos"), texts("misc"), texts("SenseInfo")
    fields, dialects, kanji, kana = texts("field"), texts("dialect"), texts("stagk"), texts("stagr")
    meanings: dict[int, list[Meaning]] = defaultdict(list)
    for number, entry in connection.execute("SELECT ID, idseq FROM Sense ORDER BY ID"):
        before = meanings[entry]
        inherited = before[-1].parts if before else frozenset()
        before.append(
            Meaning(
                len(before),
                tuple(re.sub(r"\s+", " ", gloss) for gloss in glosses.get(number, ())),
                frozenset(parts.get(number, ())) or inherited,
                frozenset(marks.get(number, ())),
                frozenset(fields.get(number, ())),
                frozenset(dialects.get(number, ())),
                tuple(notes.get(number, ())),
                frozenset((*kanji.get(number, ()), *kana.get(number, ()))),
            )
        )
    return meanings


def applies(meaning: Meaning, forms: Sequence[str]) -> bool:
    """Return whether a form, given with its reading, has a sense."""
    return not meaning.only_of or not meaning.only_of.isdisjoint(forms)
