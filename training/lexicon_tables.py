"""What the builders of the lexica share: short glosses, corrections, and the two tables."""

import csv
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from shared.writing.lexicon import SCHEMA, Sense, encode_block

WORDS_PER_BLOCK = 256
MAX_SENSES = 8
MAX_GLOSS_LENGTH = 60

SMALL_WORDS = frozenset({
    "to", "a", "an", "the", "of", "be", "sb", "sth", "one's", "one", "for", "in", "on", "with", "or", "and", "up",
    "out", "at", "oneself", "something", "by", "as", "have", "get", "make", "do", "not",
})  # fmt: skip

# Word to (reading, gloss): the senses to put first.
First = Mapping[str, Sequence[tuple[str, str]]]


def read_first_senses(path: Path) -> First:
    """Return the corrections in a table with the columns word, reading and gloss."""
    first: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            first[row["word"]].append((row["reading"], row["gloss"]))
    return first


def shorten(text: str) -> str | None:
    """Return a text as a short English phrase, cut at its parts or at a word boundary; None if it is not ASCII."""
    gloss = " ".join(text.split()).strip(" ,;:-")
    gloss = re.split(r"; |, esp", gloss)[0]
    while len(gloss) > MAX_GLOSS_LENGTH and "," in gloss:
        gloss = gloss.rpartition(",")[0].rstrip()
    if len(gloss) > MAX_GLOSS_LENGTH:
        gloss = gloss[: MAX_GLOSS_LENGTH + 1].rpartition(" ")[0]
    if gloss.count("(") > gloss.count(")"):  # the cut is in a note
        gloss = gloss.rpartition("(")[0].rstrip()
    return gloss if gloss and gloss.isascii() else None


def content_words(text: str) -> list[str]:
    """Return a text's words without small ones such as "the"; all its words if it has only such."""
    words = re.findall(r"[a-z']+", text.lower())
    return [word for word in words if word not in SMALL_WORDS] or words


def stems(text: str) -> set[str]:
    """Return a text's words without English endings."""
    return {re.sub(r"(?<=...)(?:ing|ies|es|ed|s)$", "", word) for word in content_words(text)}


def gerunds(senses: Iterable[Sense]) -> dict[str, str]:
    """Return the -ing form of each verb in the glosses, from lemminflect."""
    from lemminflect import getAllLemmas, getInflection  # noqa: PLC0415

    firsts = {
        verb
        for sense in senses
        if sense.gloss.startswith("to ")
        and (verb := sense.gloss.removeprefix("to ").removeprefix("not ").split(" ")[0])
    }
    found: dict[str, str] = {}
    # "To and fro", "to gradually increase": what follows "to" need not be a verb.
    verbs = [first for first in firsts if first in getAllLemmas(first, upos="VERB").get("VERB", ())]
    for verb in tqdm(sorted(verbs), desc="gerunds", unit="verb"):
        forms: Any = getInflection(verb, tag="VBG")
        if forms:
            found[verb] = forms[0]
    return found


def encode_blocks(
    lexicon: Mapping[str, Sequence[Sense]], words_per_block: int = WORDS_PER_BLOCK
) -> list[tuple[str, bytes]]:
    """Return the rows of the table ``lexicon``: each block's first word, and the block."""
    words = sorted(lexicon)
    blocks = [words[start : start + words_per_block] for start in range(0, len(words), words_per_block)]
    return [(block[0], encode_block({word: lexicon[word] for word in block})) for block in blocks]


def write_lexicon(lexicon: Mapping[str, Sequence[Sense]], output: Path, words_per_block: int = WORDS_PER_BLOCK) -> None:
    """Rewrite the lexicon's tables; leave the file's other tables unchanged."""
    blocks = encode_blocks(lexicon, words_per_block)
    with sqlite3.connect(output) as connection:
        connection.executescript(SCHEMA)
        connection.executemany("INSERT INTO lexicon (first_word, block) VALUES (?, ?)", blocks)
        connection.executemany(
            "INSERT INTO gerunds (verb, gerund) VALUES (?, ?)",
            sorted(gerunds(sense for senses in lexicon.values() for sense in senses).items()),
        )
    with sqlite3.connect(output) as connection:
        connection.execute("VACUUM")
    print(f"{output}: {len(lexicon)} words, {output.stat().st_size / 1e6:.1f} MB")
