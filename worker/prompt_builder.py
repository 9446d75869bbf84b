"""Build the prompt from a word, its meaning and a style."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from shared.styles import StyleDefinition, find_style
from shared.writing.blocklist import Blocklist
from shared.writing.dictionaries import Dictionaries
from shared.writing.imagery import Imagery
from shared.writing.language import LanguageChoice, TranslationLanguage
from shared.writing.meanings import find_meaning
from shared.writing.motif import ImageryMode
from shared.writing.terms import base_forms
from shared.writing.words import Meaning, resolve_imagery

# Words of a motif's phrase that add nothing to a meaning: "a pair of glasses".
EMPTY_WORDS = frozenset({"a", "an", "the", "pair", "bunch", "of"})


@dataclass(frozen=True, slots=True)
class PromptResult:
    """A prompt and its sources.

    Attributes:
        prompt: what the picture should show.
        imagery: names of the motifs that depict the meaning, best first.
        meaning: the meaning to display, and the English one in the prompt.
    """

    prompt: str
    imagery: tuple[str, ...]
    meaning: Meaning


class PromptBuilder:
    """Builds prompts from the styles' templates, the lexicon and the imagery.

    Args:
        styles: by name.
        dictionaries: the lexica.
        imagery: the motifs.
        blocked: what imagery never shows; None blocks nothing.
    """

    def __init__(
        self,
        styles: Mapping[str, StyleDefinition],
        dictionaries: Dictionaries,
        imagery: Imagery,
        blocked: Blocklist | None = None,
    ) -> None:
        self._styles = styles
        self._dictionaries = dictionaries
        self._imagery = imagery
        self._blocked = blocked or Blocklist(())

    async def build_prompt(
        self,
        character: str,
        style: str = "comic",
        *,
        translation: str = "",
        reading: str = "",
        language: LanguageChoice = "auto",
        translation_language: TranslationLanguage = "auto",
        imagery: ImageryMode | Sequence[str] = "auto",
    ) -> PromptResult:
        """Return the prompt for a word.

        Args:
            character: the word.
            style: a style's name.
            translation: the meaning. If it is empty or not in Latin letters, the prompt uses the lexicon's gloss.
            reading: which of the lexicon's senses, in pinyin or kana. If empty, the most likely one is used.
            language: the word's.
            translation_language: the translation's, where it is known.
            imagery: "auto" looks up motifs for the meaning, "none" leaves the template as it is; otherwise motif names.

        Raises:
            UnknownStyle: the style does not exist.
            UnknownReading: the word does not have this reading.
            UnknownImagery: there is no motif with one of the names.
            TranslationRequired: the word's English meaning is not known.
        """
        return await asyncio.to_thread(
            self._build,
            character,
            style,
            translation=translation,
            reading=reading,
            language=language,
            translation_language=translation_language,
            asked=imagery,
        )

    def style(self, name: str) -> StyleDefinition:
        """Return a style. Raises as `find_style`."""
        return find_style(name, self._styles)

    def _build(
        self,
        character: str,
        style_name: str,
        *,
        translation: str,
        reading: str,
        language: LanguageChoice,
        translation_language: TranslationLanguage,
        asked: ImageryMode | Sequence[str],
    ) -> PromptResult:
        style = self.style(style_name)
        meaning = find_meaning(
            character,
            translation,
            self._dictionaries,
            reading=reading,
            language=language,
            translation_language=translation_language,
        )
        names = self._allowed(resolve_imagery(character, meaning, asked, self._imagery))
        return PromptResult(
            prompt=style.fill(meaning.prompt, character) + self._clause(names, meaning.prompt),
            imagery=names,
            meaning=meaning,
        )

    def _allowed(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if not self._blocked.blocks(self._imagery.phrase(name)))

    def _clause(self, names: tuple[str, ...], meaning: str) -> str:
        """Return ", with books and a graduation cap". A phrase that only repeats the meaning is omitted."""
        phrases = [phrase for phrase in map(self._imagery.phrase, names) if not _repeats(phrase, meaning)]
        return f", with {_joined(phrases)}" if phrases else ""


def _joined(phrases: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join(filter(None, [", ".join(phrases[:-1]), phrases[-1]]))


def _repeats(phrase: str, meaning: str) -> bool:
    """Return whether a meaning has all words of a phrase, in the singular or the plural: "a mouse" and "mice"."""
    said = set(chain.from_iterable(map(base_forms, _words(meaning))))
    return all(not said.isdisjoint(base_forms(word)) for word in _words(phrase) - EMPTY_WORDS)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
