"""A language's words: their senses in English, from a read-only file.

The tables are described in `shared.writing.lexicon`. ``training/wiktionary_lexicon.py`` makes the files of languages
without stroke data of their own, from the English Wiktionary (CC BY-SA 3.0).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.writing.database import open_database
from shared.writing.headwords import headwords
from shared.writing.language import Language
from shared.writing.lexicon import Sense, senses_in, words_in
from shared.writing.terms import SEPARATOR

LEXICA: Final = Path(__file__).parent / "data" / "lexica"


class Dictionary:
    """Provides read-only access to the words of a language; safe to share between threads."""

    def __init__(self, language: Language, path: Path | None = None) -> None:
        """Open the file.

        Args:
            language: whose words.
            path: the file; default: the one that the service has for the language.

        Raises:
            SettingsError: the file is missing or damaged; names the file.
        """
        self.language = language
        self._connection = open_database(path or LEXICA / f"{language}.sqlite", "lexicon")

    def senses(self, word: str) -> tuple[Sense, ...]:
        """Return the senses of a word in any of its spellings, the one most useful to a learner first, or ().

        A word that the lexicon does not list has the senses of the headword that a dictionary would list: 你好！ those
        of 你好, and "der Hund" those of "Hund".
        """
        return next(filter(None, map(self.listed, headwords(word, self.language))), ())

    def listed(self, word: str) -> tuple[Sense, ...]:
        """Return the senses of exactly this word, or ()."""
        row = self._one("SELECT block FROM lexicon WHERE first_word <= ? ORDER BY first_word DESC LIMIT 1", word)
        return () if row is None else senses_in(row[0], word)

    def glosses(self, word: str) -> tuple[str, ...]:
        """Return the English glosses of a word that can be pictured, most likely first, or ()."""
        return tuple(dict.fromkeys(sense.gloss for sense in self.senses(word) if sense.is_pictured))

    def meanings(self, text: str) -> tuple[str, ...]:
        """Return the English glosses of a text that consists of one or several words of the language, or ().

        Args:
            text: "Birne", or "Birne; Glühbirne".
        """
        words = filter(None, (word.strip() for word in SEPARATOR.split(text)))
        return tuple(dict.fromkeys(gloss for word in words for gloss in self.glosses(word)))

    def gerund(self, verb: str) -> str | None:
        """Return the -ing form of a verb that occurs in the glosses; None if it does not."""
        row = self._one("SELECT gerund FROM gerunds WHERE verb = ?", verb)
        return None if row is None else str(row[0])

    def words(self) -> Iterator[str]:
        """Yield all words of the lexicon."""
        for (block,) in self._connection.execute("SELECT block FROM lexicon ORDER BY first_word"):
            yield from words_in(block)

    def _one(self, query: str, key: str) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(query, (key,)).fetchone()
        return row
