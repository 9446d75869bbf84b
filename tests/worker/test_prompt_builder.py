import asyncio
from typing import Any

import pytest

from shared.errors import TranslationRequired, UnknownStyle
from shared.settings import load_settings
from shared.styles import StyleDefinition
from shared.writing.dictionaries import Dictionaries
from shared.writing.imagery import Imagery
from worker.prompt_builder import PromptBuilder
from worker.style_definitions import steering_weights


@pytest.fixture(scope="module")
def prompts(dictionaries: Dictionaries, imagery: Imagery) -> PromptBuilder:
    return PromptBuilder(load_settings({}).styles, dictionaries, imagery)


def test_the_given_example(prompts: PromptBuilder) -> None:
    result = asyncio.run(prompts.build_prompt("学习", style="comic", translation="study", imagery="none"))
    assert result.prompt == "A vibrant comic book style illustration of study, inspired by 学习"


def test_the_default_style_is_comic_and_the_meaning_is_looked_up(prompts: PromptBuilder) -> None:
    result = asyncio.run(prompts.build_prompt("火", imagery="none"))
    assert result.prompt == "A vibrant comic book style illustration of fire, inspired by 火"
    assert result.meaning.source == "lexicon"


@pytest.mark.parametrize(
    ("word", "choice", "meaning"),
    [
        ("娘", {}, "mother"),
        ("娘", {"language": "ja"}, "daughter"),
        ("行", {}, "going"),
        ("行", {"reading": "háng"}, "line"),
        ("娘", {"reading": "むすめ"}, "daughter"),
        ("面包", {"translation": "pain"}, "bread"),
        ("面包", {"translation": "pain", "translation_language": "en"}, "pain"),
        ("학교", {}, "school"),
        ("kot", {"language": "pl"}, "cat"),
        ("배", {"translation": "Birne"}, "pear"),
        ("面包", {"translation": "pain", "translation_language": "other"}, "bread"),
        ("北京", {"translation": "n. Peking 🏯", "translation_language": "en"}, "Peking"),
    ],
)
def test_language_and_reading_choose_the_meaning(
    prompts: PromptBuilder, word: str, choice: dict[str, Any], meaning: str
) -> None:
    result = asyncio.run(prompts.build_prompt(word, imagery="none", **choice))
    assert result.meaning.prompt == meaning


def test_braces_in_a_translation_are_text(prompts: PromptBuilder) -> None:
    assert "{meaning}" in asyncio.run(prompts.build_prompt("火", translation="{meaning}")).prompt


@pytest.mark.parametrize(
    ("translation", "motif"),
    [("a dog", "dog"), ("mice", "mouse"), ("berries; babies", "baby"), ("buses", "bus"), ("grapes", "grapes")],
)
def test_a_motif_that_repeats_the_meaning_is_not_said(prompts: PromptBuilder, translation: str, motif: str) -> None:
    result = asyncio.run(prompts.build_prompt("x", "oil", translation=translation, imagery=(motif,)))
    assert "with" not in result.prompt


def test_an_unknown_style_is_refused_with_the_choices(prompts: PromptBuilder) -> None:
    with pytest.raises(UnknownStyle, match="watercolor"):
        asyncio.run(prompts.build_prompt("火", style="cubist"))


def test_an_unknown_word_needs_a_translation(prompts: PromptBuilder) -> None:
    with pytest.raises(TranslationRequired):
        asyncio.run(prompts.build_prompt("qzxy"))


def test_zero_drops_a_control_and_requests_override_the_style() -> None:
    style = StyleDefinition(base_template="{meaning}", controlnet_weights={"canny": 0.9, "depth": 0.5})
    assert steering_weights(style, {}) == {"canny": 0.9, "depth": 0.5}
    assert steering_weights(style, {"canny": 0.0, "scribble": 1.2}) == {"depth": 0.5, "scribble": 1.2}
