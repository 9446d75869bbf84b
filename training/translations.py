"""English words that Wiktionary translates, from the Open Multilingual Wordnet: evidence of what words usually mean."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from training.wordnet import ALL_FILES, Synset, WordNet

# Word to the English words that it translates, verbs with "to", each with the place of the sense among its senses.
Translations = Mapping[str, Mapping[str, int]]

# Left out are numbers in digits, letters, and the shortest abbreviations.
WORDS = re.compile(r"(?![A-Z][A-Za-z]$)[A-Za-z][A-Za-z' .-]+")
# By how many bytes Debian's corrections of WordNet's text move the synsets that follow them. All synsets are longer.
MOVED = (0, 1, 18)


def read_translations(path: Path, wordnet: WordNet) -> Translations:
    """Return the English words that a language's words translate.

    Args:
        path: a file ``wn-wikt-???.tab``: the key of a synset of WordNet 3.0, the kind of the word, and the word.
        wordnet: WordNet 3.0, with all parts of speech.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for line in filter(None, path.read_text(encoding="utf-8").splitlines()):
        key, _, word = line.split("\t")[:3]
        for gloss, place in _lemmas(key, wordnet):
            found[word][gloss] = min(place, found[word].get(gloss, place))
    return found


def _lemmas(key: str, wordnet: WordNet) -> Iterator[tuple[str, int]]:
    """Yield a synset's words, verbs with "to", each with the place of the synset among the word's senses."""
    synset = _synset(key, wordnet)
    if synset is None:
        return
    for lemma in synset.lemmas:
        written = wordnet.written(synset.key, lemma)
        for part in ALL_FILES if WORDS.fullmatch(written) else ():
            keys = [sense.key for sense in wordnet.senses(lemma, part)]
            if synset.key in keys:
                yield f"to {written}" if part == "v" else written, keys.index(synset.key)


def _synset(key: str, wordnet: WordNet) -> Synset | None:
    offset, _, part = key.partition("-")
    if part not in ALL_FILES:
        return None
    keys = (f"{part}{int(offset) + moved:0{len(offset)}}" for moved in MOVED)
    return next((wordnet.synset(moved) for moved in keys if wordnet.has(moved)), None)
