"""The entries of a StarDict dictionary made from Wiktionary: each word's parts of speech, with their glosses."""

import gzip
import html
import re
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PART = re.compile(r"<i>([^<]*)</i><br><ol>(.*?)</ol>", re.DOTALL)
ITEM = re.compile(r"<li>(.*?)</li>", re.DOTALL)
TAG = re.compile(r"<[^<>]*>")
# What spellings of a word differ in.
DIVIDERS = frozenset(" -\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Part:
    """What a word means as one part of speech.

    Attributes:
        name: the part of speech, as Wiktextract names it: "noun", "verb", "adj", "name".
        glosses: each sense's definition, with its labels in parentheses, in Wiktionary's order.
    """

    name: str
    glosses: tuple[str, ...]


def read_stardict(folder: Path) -> Iterator[tuple[str, tuple[Part, ...]]]:
    """Yield the words of the one dictionary in a folder, with their parts of speech; a word may come again.

    Raises:
        FileNotFoundError: the folder contains no dictionary.
    """
    (index,) = sorted(folder.rglob("*.idx")) or [folder / "*.idx"]
    content = gzip.decompress(index.with_suffix(".dict.dz").read_bytes())
    for word, start, size in _places(index.read_bytes()):
        text = content[start : start + size].decode()
        yield word, tuple(Part(name, tuple(map(_text, ITEM.findall(items)))) for name, items in PART.findall(text))


def read_spellings(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield other spellings of words with the same letters, each with the word: "hòa bình" of "hoà bình".

    The dictionary lists them among inflected forms.
    """
    (index,) = sorted(folder.rglob("*.idx"))
    words = [word for word, _, _ in _places(index.read_bytes())]
    forms = index.with_suffix(".syn")
    for form, number in _forms(forms.read_bytes()) if forms.exists() else ():
        if form != words[number] and _letters(form) == _letters(words[number]):
            yield form, words[number]


def _letters(text: str) -> tuple[list[str], list[str]]:
    """Return the letters without accents, and the accents in the order of Unicode, both without dividers."""
    signs = [sign for sign in unicodedata.normalize("NFD", text) if sign not in DIVIDERS]
    return [sign for sign in signs if not unicodedata.combining(sign)], sorted(filter(unicodedata.combining, signs))


def _forms(content: bytes) -> Iterator[tuple[str, int]]:
    """Yield each form, and the number of its word."""
    at = 0
    while at < len(content):
        end = content.index(b"\0", at)
        (number,) = struct.unpack_from(">I", content, end + 1)
        yield content[at:end].decode(), number
        at = end + 5


def _places(index: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield each word, and where its text begins and how long it is."""
    at = 0
    while at < len(index):
        end = index.index(b"\0", at)
        start, size = struct.unpack_from(">II", index, end + 1)
        yield index[at:end].decode(), start, size
        at = end + 9


def _text(markup: str) -> str:
    return " ".join(html.unescape(TAG.sub("", markup)).split())
