"""The lexicon: the senses of a language's words by reading, the one most useful to a learner first.

``training/lexicon.py`` makes the Chinese one from CC-CEDICT (CC BY-SA 4.0), ``training/japanese_lexicon.py`` the
Japanese one from JMdict (CC BY-SA 3.0). The table ``lexicon`` contains compressed blocks of
words, found by the block's first word. The table ``gerunds`` contains the -ing forms of the verbs in the glosses.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Use rowid tables with large pages, because small pages and `WITHOUT ROWID` leave up to half of the file unused.
SCHEMA = """
DROP TABLE IF EXISTS lexicon;
DROP TABLE IF EXISTS gerunds;
CREATE TABLE lexicon (first_word TEXT NOT NULL, block BLOB NOT NULL);
CREATE UNIQUE INDEX lexicon_first_word ON lexicon (first_word);
CREATE TABLE gerunds (verb TEXT PRIMARY KEY, gerund TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a word.

    Attributes:
        reading: the reading: pinyin with tone marks, or kana.
        gloss: the gloss in English.
        is_pictured: False for a particle, which has no meaning that a picture could show.
        counts: what a measure word counts; "" for other words.
    """

    reading: str
    gloss: str
    is_pictured: bool = True
    counts: str = ""


def encode_block(block: Mapping[str, Sequence[Sense]]) -> bytes:
    """Return a block of words and their senses, compressed."""
    rows = {word: [_row(sense) for sense in senses] for word, senses in block.items()}
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode(), 9)


def words_in(block: bytes) -> Iterable[str]:
    """Return the words of a block that `encode_block` wrote."""
    return _rows(block)


def senses_in(block: bytes, word: str) -> tuple[Sense, ...]:
    """Return a word's senses in a block that `encode_block` wrote, or ()."""
    return tuple(map(_sense, _rows(block).get(word, ())))


@lru_cache(maxsize=64)
def _rows(block: bytes) -> dict[str, list[list[str | int]]]:
    """Return each word's senses as rows: most lookups need one word of a block, so they alone become senses."""
    rows: dict[str, list[list[str | int]]] = json.loads(zlib.decompress(block))
    return rows


def _row(sense: Sense) -> list[str | int]:
    row: list[str | int] = [sense.reading, sense.gloss]
    return [*row, sense.counts if sense.is_pictured else 0] if sense.counts or not sense.is_pictured else row


def _sense(row: list[str | int]) -> Sense:
    reading, gloss, *mark = row
    counts = mark[0] if mark and isinstance(mark[0], str) else ""
    return Sense(str(reading), str(gloss), is_pictured=mark != [0], counts=counts)
