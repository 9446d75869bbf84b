"""Definitions that Wiktionary's editors begin with a capital, as sentences: "Strong"."""

import re
from collections.abc import Mapping

from training.stardict import Part
from training.wordnet import WordNet

# Labels, and a word with no other capital in its phrase: "House of Commons" is a name.
START = re.compile(r"((?:\([^()]*\):?\s*)*)([A-Z][a-z]+)\b(?![-'’]|[^;,:(]*\s[A-Z])")
NAMES = frozenset({"name", "noun"})
# How common, on the Zipf scale, the words are that WordNet lacks: "of", "which".
VERY_COMMON = 5.0


class Capitals:
    """What tells a name from a word at the start of a sentence."""

    def __init__(self, wordnet: WordNet, frequency: Mapping[str, float]) -> None:
        """Take all of WordNet, and how common words are in lower case."""
        self._wordnet = wordnet
        self._frequency = frequency

    def without(self, part: Part) -> Part:
        """Return a part of speech whose definitions begin with a small letter, but for names."""
        return (
            part
            if part.name == "name"
            else Part(part.name, tuple(self._small(text, part.name) for text in part.glosses))
        )

    def _small(self, text: str, part: str) -> str:
        start = START.match(text)
        if start is None or not self._is_plain(start[2], part):
            return text
        return start[1] + start[2].lower() + text[start.end() :]

    def _is_plain(self, word: str, part: str) -> bool:
        if self._wordnet.has_name(word):
            return False
        is_common = part not in NAMES and self._frequency.get(word.lower(), 0.0) >= VERY_COMMON
        return is_common or self._wordnet.has_word(word.lower())
