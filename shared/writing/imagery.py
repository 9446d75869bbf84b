"""What a meaning can be depicted by: motifs, each with its picture, and the words that they stand for; read-only.

``training/imagery.py`` makes the file. Table ``motifs`` holds the pictures; ``terms`` says which motifs depict a term:
a Chinese word ("学习") or an English noun, verb or adjective ("n:dog", "v:study", "a:cold").
"""

import difflib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.errors import SettingsError
from shared.writing.motif import Motif, decode_shapes

DATABASE_PATH = Path(__file__).parent.parent / "data" / "imagery.sqlite"

# Motifs that one picture shows, at most.
MAX_MOTIFS = 3

SCHEMA = """
PRAGMA page_size = 8192;
CREATE TABLE motifs (
    name TEXT PRIMARY KEY, phrase TEXT NOT NULL, keywords TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, shapes BLOB NOT NULL
);
CREATE TABLE terms (term TEXT PRIMARY KEY, motifs TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class MotifName:
    """A motif without its picture.

    Attributes:
        name: as requests and results name it.
        phrase: as a prompt names it.
        keywords: English and Chinese words that lead to it.
    """

    name: str
    phrase: str
    keywords: tuple[str, ...]


class Imagery:
    """Read-only access to motifs; safe to share between threads."""

    def __init__(self, path: Path = DATABASE_PATH) -> None:
        """Open the database.

        Raises:
            SettingsError: the file is missing or damaged; names it.
        """
        if not path.is_file():
            raise SettingsError(f"imagery database not found: {path}")
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True, check_same_thread=False)
        try:
            rows = self._connection.execute("SELECT name, phrase, keywords FROM motifs ORDER BY name").fetchall()
        except sqlite3.DatabaseError as error:
            raise SettingsError(f"imagery database is damaged: {path}: {error}") from error
        self._names = {name: MotifName(name, phrase, tuple(keywords.split("|"))) for name, phrase, keywords in rows}
        if not self._names:
            raise SettingsError(f"imagery database is empty: {path}")

    @property
    def names(self) -> tuple[str, ...]:
        """All motifs' names, in order."""
        return tuple(self._names)

    def phrase(self, name: str) -> str:
        """Return a motif as a prompt names it: "a graduation cap".

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

    def for_word(self, word: str, sense: str) -> tuple[str, ...]:
        """Return the names of up to `MAX_MOTIFS` motifs that depict a word in a sense, the best first; () if none.

        Args:
            word: in normal form, of any language.
            sense: in English, as the lexicon has it: "dog", "to study", "cold".
        """
        row = self._connection.execute("SELECT motifs FROM terms WHERE term = ?", (word,)).fetchone()
        return tuple(row[0].split("|"))[:MAX_MOTIFS] if row else ()

    def search(self, query: str, limit: int = 50) -> tuple[MotifName, ...]:
        """Return motifs whose name or keyword holds a text, those that begin with it first; "": all, by name."""
        wanted = query.strip().casefold()
        found: list[tuple[int, str]] = []
        for motif in self._names.values():
            rank = min((_rank(wanted, text) for text in (motif.name, *motif.keywords)), default=9)
            if rank < 9:
                found.append((rank, motif.name))
        return tuple(self._names[name] for _, name in sorted(found)[:limit])

    def find(self, name: str) -> str | None:
        """Return the motif that a text names, whatever its case and separators; None if there is none."""
        wanted = re.sub(r"[\s_-]+", "-", name.strip().casefold())
        return wanted if wanted in self._names else None

    def nearest(self, name: str, count: int = 5) -> tuple[str, ...]:
        """Return the names of motifs that a text may have meant: by keyword in any language, then by spelling."""
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
