"""The read-only motif database: motifs that depict meanings, each with its picture, and the words that they stand for.

``training/imagery.py`` makes the file. The table ``motifs`` contains the pictures. The table ``terms`` lists the motifs
that depict a term, and the evidence. A term is a Chinese word ("学习") or an English phrase ("dog", "to study"). The
table ``homographs`` lists the motifs of a term in the sense that a word of its note tells: "trunk (of an elephant)".
"""

import difflib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from pathlib import Path

from shared.errors import SettingsError
from shared.writing.database import open_database
from shared.writing.english import is_english, is_latin
from shared.writing.motif import MAX_MOTIFS, Motif, decode_shapes, motif_name
from shared.writing.normalise import fold
from shared.writing.terms import base_forms, notes_of, terms_of

DATABASE_PATH = Path(__file__).parent / "data" / "imagery.sqlite"

# How much weaker than the best motif a further one may be.
NEARLY = 0.5
# Evidence from both word and sense is stronger than either alone.
AGREEMENT = 1.5

WORD = re.compile(r"[^\W\d_]+")

SCHEMA = """
PRAGMA page_size = 8192;
CREATE TABLE IF NOT EXISTS motifs (
    name TEXT PRIMARY KEY, phrase TEXT NOT NULL, keywords TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, shapes BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS terms (term TEXT PRIMARY KEY, motifs TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS homographs (
    term TEXT, note TEXT, motifs TEXT NOT NULL, PRIMARY KEY (term, note)
) WITHOUT ROWID;
"""


class Evidence(IntEnum):
    """Why a motif depicts a term, strongest first."""

    ASSOCIATION = 0  # chosen by hand
    OWN_NAME = 1
    SYNONYM = 2
    KIND = 3  # the term is a kind of what the motif shows
    KEYWORD = 4
    FAR_KIND = 5


# Motifs by name, with the evidence that they depict a term.
Found = Mapping[str, Evidence]


def in_sense(word: str, term: str) -> str:
    """Return the key of a word in one of its senses."""
    return f"{word}\t{term}"


@dataclass(frozen=True, slots=True)
class MotifName:
    """A motif without its picture.

    Attributes:
        name: the name in requests and results.
        phrase: the phrase in prompts.
        keywords: English and Chinese words that lead to it.
    """

    name: str
    phrase: str
    keywords: tuple[str, ...]


class Imagery:
    """Provides read-only access to motifs; safe to share between threads."""

    def __init__(self, path: Path = DATABASE_PATH) -> None:
        """Open the database.

        Raises:
            SettingsError: the file is missing or damaged; names the file.
        """
        self._connection = open_database(path, "imagery database")
        try:
            rows = self._connection.execute("SELECT name, phrase, keywords FROM motifs ORDER BY name").fetchall()
        except sqlite3.DatabaseError as error:
            raise SettingsError(f"imagery database is damaged: {path}: {error}") from error
        self._names = {
            name: MotifName(name, phrase, tuple(filter(None, keywords.split("|")))) for name, phrase, keywords in rows
        }
        if not self._names:
            raise SettingsError(f"imagery database is empty: {path}")

    @property
    def names(self) -> tuple[str, ...]:
        """All motifs' names, in order."""
        return tuple(self._names)

    def named(self, name: str) -> MotifName:
        """Return a motif without its picture.

        Raises:
            KeyError: there is no such motif.
        """
        return self._names[name]

    def phrase(self, name: str) -> str:
        """Return a motif's phrase in prompts: "a graduation cap".

        Raises:
            KeyError: there is no such motif.
        """
        return self._names[name].phrase

    def motif(self, name: str) -> Motif:
        """Return a motif with its picture.

        Raises:
            KeyError: there is no such motif.
        """
        query = "SELECT width, height, shapes FROM motifs WHERE name = ?"
        width, height, shapes = self._connection.execute(query, (self._names[name].name,)).fetchone()
        return Motif(name, self._names[name].phrase, width, height, decode_shapes(shapes))

    def for_word(self, word: str, sense: str, *, has_keywords: bool = True) -> tuple[str, ...]:
        """Return the names of up to `MAX_MOTIFS` motifs that depict a word in a sense, best first; () if none do.

        Motifs that both the word and the sense lead to come first. A keyword of only one of them is not enough if the
        other leads elsewhere, because a motif that merely shares a word with another sense is wrong.

        Args:
            word: the word in normal form.
            sense: the sense in English: "dog", "to study", "studying", "cold".
            has_keywords: whether the word may be one of the motifs' keywords, which are Chinese and English. Otherwise
                only the sense counts, and what was chosen by hand for the word in this sense.
        """
        alternatives = terms_of(sense)
        if not alternatives:
            return ()
        chosen = self._in_sense(word, chain.from_iterable(alternatives))
        if chosen is None:
            by_word = (self._depicting(word.casefold()) or {}) if has_keywords else {}
            by_sense = self._depicting_sense(alternatives, by_word, notes_of(sense))
            # A word in Latin letters may be of any language: in Spanish, "pan" is bread, in German, "Rat" is advice.
            if is_latin(word) and (by_sense or is_english(sense)):
                by_word = {}
            chosen = _associated(by_sense) or _associated(by_word) or _best(by_word, by_sense, word)
        return chosen[:MAX_MOTIFS]

    def _depicting(self, term: str) -> Found | None:
        """Return the motifs that depict a term: none for "sea lion", which is not a lion; None if not listed."""
        row = self._connection.execute("SELECT motifs FROM terms WHERE term = ?", (term,)).fetchone()
        if row is None:
            return None
        pairs = (one.split(":") for one in filter(None, row[0].split("|")))
        return {name: Evidence(int(evidence)) for name, evidence in pairs}

    def _in_sense(self, word: str, terms: Iterable[str]) -> tuple[str, ...] | None:
        """Return the motifs chosen by hand for a word in one of its senses, or None."""
        listed = (self._depicting(in_sense(word, term)) for term in terms)
        return next((tuple(found) for found in listed if found is not None), None)

    def _depicting_sense(self, alternatives: Sequence[Sequence[str]], by_word: Found, notes: Sequence[str]) -> Found:
        """Return the motifs for the first part of a sense that surely has any, or else for the first that may have."""
        if (noted := self._noted(chain.from_iterable(alternatives), notes)) is not None:
            return noted
        uncertain: Found = {}
        for found in chain.from_iterable(map(self._parts, alternatives)):
            if _strongest(found) is not Evidence.KEYWORD or found.keys() & by_word.keys():
                return found
            uncertain = uncertain or self._confirmed(found, notes) or found
        return uncertain

    def _noted(self, terms: Iterable[str], notes: Sequence[str]) -> Found | None:
        """Return the motifs of a homograph in the sense that its note tells, maybe none; None if no note tells it."""
        words = [form for note in notes for word in WORD.findall(note) for form in base_forms(word)]
        for form in chain.from_iterable(map(base_forms, terms if words else ())):
            rows = self._connection.execute("SELECT note, motifs FROM homographs WHERE term = ?", (form,)).fetchall()
            of_note = dict(rows)
            for word in words:
                if word in of_note:
                    return dict.fromkeys(of_note[word].split(), Evidence.ASSOCIATION)
        return None

    def _parts(self, terms: Sequence[str]) -> Iterator[Found]:
        """Yield the motifs of each term of an alternative, up to one that nothing depicts: a sea lion is not a lion."""
        for term in terms:
            found = self._in_any_form(term)
            if found == {}:
                return
            if found:
                yield found

    def _in_any_form(self, term: str) -> Found | None:
        """Return what a term or one of its base forms depicts, whichever is strongest; as `_depicting`."""
        own = self._depicting(term)
        if own == {}:
            return own
        # Collect all base forms, because "dogs" itself is listed as slang for feet.
        known = [found for form in base_forms(term) if (found := self._depicting(form)) is not None]
        return min(filter(None, known), key=_strongest, default={} if known else None)

    def _confirmed(self, found: Found, notes: Sequence[str]) -> Found:
        """Return the motifs of "bat", which is ambiguous, whose keyword is a note of the sense: "bat (animal)"."""
        words = {word for note in notes for word in note.split()}
        sure = [name for name in found if not words.isdisjoint(self._names[name].keywords)]
        return dict.fromkeys(sure, Evidence.OWN_NAME)

    def search(self, query: str, limit: int = 50) -> tuple[MotifName, ...]:
        """Return motifs whose name or keyword contains a text, those that begin with it first; "": all, by name."""
        wanted = " ".join(fold(query).casefold().replace("-", " ").split())
        for form in base_forms(wanted.removeprefix("to ")):
            if found := self._containing(form):
                return found[:limit]
        return ()

    def _containing(self, wanted: str) -> tuple[MotifName, ...]:
        found: list[tuple[int, int, str]] = []
        for motif in self._names.values():
            texts = (motif.name.replace("-", " "), *motif.keywords)
            rank, place = min((_rank(wanted, text), place) for place, text in enumerate(texts))
            if rank < 9:
                found.append((rank, place, motif.name))
        return tuple(self._names[name] for *_, name in sorted(found))

    def find(self, name: str) -> str | None:
        """Return the motif that a text names, ignoring case and separators; None if there is none."""
        wanted = motif_name(name)
        return wanted if wanted in self._names else None

    def nearest(self, name: str, count: int = 5) -> tuple[str, ...]:
        """Return the names of motifs that a text may mean: by keyword in any language, then by spelling."""
        by_keyword = (motif.name for motif in self.search(name, count) if name.strip())
        by_spelling = difflib.get_close_matches(name.casefold(), self._names, count, cutoff=0.5)
        return tuple(dict.fromkeys([*by_keyword, *by_spelling]))[:count]

    def __iter__(self) -> Iterator[MotifName]:
        """Yield all motifs, by name."""
        return iter(self._names.values())


def _rank(wanted: str, text: str) -> int:
    if text == wanted:
        return 0
    if text.startswith(wanted):
        return 1
    return 2 if wanted in text else 9


def _associated(found: Found) -> tuple[str, ...]:
    """Return the motifs chosen by hand."""
    return tuple(name for name, evidence in found.items() if evidence is Evidence.ASSOCIATION)


def _strongest(found: Found) -> Evidence:
    return min(found.values())


def _best(by_word: Found, by_sense: Found, word: str) -> tuple[str, ...]:
    """Return the motifs with the strongest evidence, best first."""
    scored = [
        (strength, name)
        for name in {**by_word, **by_sense}
        if (strength := _strength(by_word.get(name), by_sense.get(name), word, sense_known=bool(by_sense))) is not None
    ]
    best = min((strength for strength, _ in scored), default=0.0)
    return tuple(name for strength, name in sorted(scored, key=lambda one: one[0]) if strength <= best + NEARLY)


def _strength(by_word: Evidence | None, by_sense: Evidence | None, word: str, *, sense_known: bool) -> float | None:
    """Return how well a motif depicts a word in a sense, where 0 is best; None if not well enough."""
    if by_word is not None and by_sense is not None:
        return min(by_word, by_sense) - AGREEMENT
    if by_sense is not None:
        return None if by_sense is Evidence.KEYWORD else float(by_sense)
    if by_word is Evidence.OWN_NAME:
        return float(by_word) if len(word) > 1 else None
    return float(Evidence.KEYWORD) if len(word) > 1 and not sense_known else None
