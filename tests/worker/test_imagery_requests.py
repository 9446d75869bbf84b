"""Imagery in a request: valid values, the motifs that they select, and their phrases in the prompt."""

import asyncio
import re
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import UnknownImagery
from shared.schemas import GenerationRequest
from shared.settings import load_settings
from shared.writing.blocklist import Blocklist
from shared.writing.characters import CharacterDatabase
from shared.writing.dictionaries import Dictionaries
from shared.writing.imagery import Imagery
from shared.writing.words import resolve_imagery, resolve_meaning
from tests.models import embedded_pipeline
from worker.engine.prompt_fit import fit
from worker.prompt_builder import PromptBuilder, PromptResult

STYLES = load_settings({}).styles
TEMPLATE = "A vibrant comic book style illustration of {}, inspired by {}"


@pytest.fixture(scope="module")
def prompts(dictionaries: Dictionaries, imagery: Imagery) -> PromptBuilder:
    return PromptBuilder(STYLES, dictionaries, imagery)


def build(prompts: PromptBuilder, word: str, **options: Any) -> PromptResult:
    return asyncio.run(prompts.build_prompt(word, **options))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("auto", "auto"),
        (" None ", "none"),
        (None, "auto"),
        (["books"], ("books",)),
        (["Graduation Cap", "BOOKS", "alarm_clock"], ("graduation-cap", "books", "alarm-clock")),
        ([" graduation  cap "], ("graduation-cap",)),
        (["毕业帽"], ("毕业帽",)),
    ],
)
def test_case_spaces_and_underscores_are_forgiven(said: Any, meant: Any) -> None:
    assert GenerationRequest(word="学", imagery=said).imagery == meant


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (["dog", "cat", "owl", "ant"], "too_long"),
        (["x" * 81], "too_long"),
        ([], "too_short"),
        (["dog", "Dog"], "invalid_imagery"),
        (["graduation cap", "graduation_cap"], "invalid_imagery"),
        (["dog", "none"], "invalid_imagery"),
        (["auto"], "invalid_imagery"),
        (["dog", " "], "invalid_imagery"),
        ("dog", "invalid_imagery"),
        ("", "invalid_imagery"),
        (["do\x00g"], "invalid_text"),
        (["\ud800"], "invalid_text"),
        (7, "imagery_type"),
        (True, "imagery_type"),
        ({"dog": 1}, "imagery_type"),
        ([7], "imagery_type"),
        ([None], "imagery_type"),
        ([["dog"]], "imagery_type"),
    ],
)
def test_anything_else_is_one_fault_of_the_field(said: Any, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GenerationRequest(word="学", imagery=said)
    (fault,) = caught.value.errors()
    assert (fault["loc"], fault["type"]) == (("imagery",), code)


def test_a_request_survives_its_record() -> None:
    request = GenerationRequest(word="学", imagery=["Books"], draw_imagery=False)
    assert GenerationRequest.model_validate_json(request.model_dump_json(exclude_defaults=True)) == request


def test_the_lexicon_s_sense_is_depicted(database: CharacterDatabase, imagery: Imagery) -> None:
    """By its gloss, not by the phrase that follows "a picture of"; a translation is looked up as it is."""
    assert resolve_meaning("学习", "", database).depictable == "to learn"
    assert resolve_meaning("学习", "to study", database).depictable == "to study"
    assert resolve_meaning("学习", "homework", database).depictable == "homework"
    assert resolve_meaning("辆", "", database).depictable == "vehicles"
    meaning = resolve_meaning("学习", "", database)
    assert resolve_imagery("学习", meaning, "auto", imagery) == imagery.for_word("学习", "to learn") != ()
    assert resolve_imagery("学习", meaning, "none", imagery) == ()
    assert resolve_imagery("学习", meaning, ["owl", "dog"], imagery) == ("owl", "dog")


@pytest.mark.parametrize("word", ["的", "吗", "了"])
def test_nothing_is_invented_for_a_particle(prompts: PromptBuilder, word: str) -> None:
    result = build(prompts, word)
    assert result.imagery == ()
    assert result.prompt == TEMPLATE.format("a page of calligraphy", word)
    assert build(prompts, word, imagery=["owl"]).prompt.endswith(", with an owl")


def test_a_word_without_imagery_has_the_template_s_prompt(prompts: PromptBuilder, imagery: Imagery) -> None:
    assert imagery.for_word("qzxy", "gibberish") == ()
    assert build(prompts, "qzxy", translation="gibberish").prompt == TEMPLATE.format("gibberish", "qzxy")


@pytest.mark.parametrize(
    ("names", "clause"),
    [
        (["books"], ", with books"),
        (["books", "graduation-cap"], ", with books and a graduation cap"),
        (["owl", "books", "graduation-cap"], ", with an owl, books and a graduation cap"),
        ("none", ""),
    ],
)
def test_imagery_follows_the_template(prompts: PromptBuilder, names: Any, clause: str) -> None:
    for name, style in STYLES.items():
        result = build(prompts, "学习", style=name, translation="study", imagery=names)
        assert result.prompt == style.fill("study", "学习") + clause
        assert result.imagery == (() if names == "none" else tuple(names))


@pytest.mark.parametrize(
    ("translation", "names", "clause"),
    [
        ("dog", ["dog"], ""),
        ("The Dogs", ["dog"], ""),
        ("book", ["books", "owl"], ", with an owl"),
        ("a dog and its bone", ["dog", "bone", "owl"], ", with an owl"),
        ("hot", ["hot-dog"], ", with a hot dog"),
    ],
)
def test_what_the_meaning_says_is_not_said_again(
    prompts: PromptBuilder, translation: str, names: list[str], clause: str
) -> None:
    """It still counts as imagery, since it can be drawn."""
    result = build(prompts, "火", translation=translation, imagery=names)
    assert result.prompt == TEMPLATE.format(translation, "火") + clause
    assert result.imagery == tuple(names)


@pytest.mark.parametrize(
    ("name", "nearest"), [("graduaton cap", "graduation-cap"), ("狗", "dog"), ("bok", "book"), ("qqqqqq", "/imagery")]
)
def test_an_unknown_name_is_told_the_nearest(prompts: PromptBuilder, name: str, nearest: str) -> None:
    with pytest.raises(UnknownImagery, match=re.escape(nearest)) as caught:
        build(prompts, "火", imagery=["owl", name])
    assert (caught.value.code, caught.value.field) == ("unknown_imagery", "imagery")


def test_blocked_words_are_not_depicted(dictionaries: Dictionaries, imagery: Imagery) -> None:
    """A blocked motif could be reached through another word, as beer through a party."""
    prompts = PromptBuilder(STYLES, dictionaries, imagery, Blocklist(["books"]))
    assert "books" in imagery.for_word("学习", "study")
    result = build(prompts, "学习", translation="study")
    assert "books" not in result.imagery
    assert "books" not in result.prompt
    # Its phrase is what is blocked, not its name.
    prompts = PromptBuilder(STYLES, dictionaries, imagery, Blocklist(["plaster"]))
    assert imagery.phrase("bandage") == "a sticking plaster"
    assert build(prompts, "x", translation="a wound", imagery=["bandage", "owl"]).imagery == ("owl",)


def test_no_phrase_would_be_left_out_by_half(imagery: Imagery) -> None:
    assert [motif.phrase for motif in imagery if re.search(r"[,;，、；]", motif.phrase)] == []


def test_imagery_is_left_out_first_and_by_whole_phrases(prompts: PromptBuilder) -> None:
    """A shortened prompt reads well: the template takes precedence over imagery, and the meaning over everything."""
    pipeline = embedded_pipeline()
    tokenizers = [pipeline.tokenizer, pipeline.tokenizer_2]
    names = ["owl", "books", "graduation-cap"]
    ends = set()
    for length in range(1, 80):
        meaning = " ".join(["ox"] * length)
        prompt = build(prompts, "学", translation=meaning, style="ink_wash", imagery=names).prompt
        template = STYLES["ink_wash"].fill(meaning, "学")
        if len(tokenizers[0](template).input_ids) > tokenizers[0].model_max_length:
            break
        fitted = fit(prompt, tokenizers, essential=meaning)
        assert fitted.text.startswith(template)
        ends.add((fitted.text.removeprefix(template), fitted.left_out))
    assert ends == {
        (", with an owl, books and a graduation cap", ()),
        (", with an owl", ("books and a graduation cap",)),
        ("", ("with an owl", "books and a graduation cap")),
    }
