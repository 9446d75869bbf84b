"""From a word, its meaning and a style to the prompt."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from shared.characters import CharacterDatabase
from shared.errors import UnknownStyle
from shared.schemas import ControlType
from shared.words import Meaning, resolve_meaning
from worker.style_definitions import StyleDefinition


@dataclass(frozen=True, slots=True)
class PromptResult:
    """A prompt and what it was made from.

    Attributes:
        prompt: what the picture should show.
        meaning: the meaning to show and the English one that steers.
        style: the style's name.
        controlnet_weights: the style's weights.
    """

    prompt: str
    meaning: Meaning
    style: str
    controlnet_weights: Mapping[ControlType, float]


class PromptBuilder:
    """Builds prompts from the styles' templates and the lexicon."""

    def __init__(self, styles: Mapping[str, StyleDefinition], database: CharacterDatabase) -> None:
        self._styles = styles
        self._database = database

    async def build_prompt(
        self, character: str, style: str = "comic", *, translation: str = "", reading: str = ""
    ) -> PromptResult:
        """Return the prompt for a word.

        Args:
            character: the word.
            style: a style's name.
            translation: the meaning; empty or not in Latin letters: the lexicon's gloss steers.
            reading: which of the lexicon's senses, in pinyin; empty: the likeliest.

        Raises:
            UnknownStyle: there is no such style.
            UnknownReading: the word is not read so.
            TranslationRequired: the word's meaning is not known in English.
        """
        return await asyncio.to_thread(self._build, character, style, translation, reading)

    def style(self, name: str) -> StyleDefinition:
        """Return a style.

        Raises:
            UnknownStyle: there is no such style.
        """
        if name not in self._styles:
            raise UnknownStyle(f"no style {name!r}; there are {', '.join(self._styles)}", field="style")
        return self._styles[name]

    def _build(self, character: str, style_name: str, translation: str, reading: str) -> PromptResult:
        style = self.style(style_name)
        meaning = resolve_meaning(character, translation, self._database, reading)
        return PromptResult(
            prompt=style.fill(meaning.prompt, character),
            meaning=meaning,
            style=style_name,
            controlnet_weights=style.controlnet_weights,
        )
