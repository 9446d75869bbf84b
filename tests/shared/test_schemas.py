import pytest
from pydantic import ValidationError

from shared.schemas import CONTROL_TYPES, AIGenerationResult, GenerationRequest, JobStatus
from shared.schemas.deck import DeckRequest, DeckWord


def test_only_the_word_is_needed() -> None:
    request = GenerationRequest(word="学习")
    assert request.translation == ""
    assert request.include_conditioning is True
    assert request.methods() == {
        "canny": ("opencv_canny",),
        "depth": ("distance_transform_depth",),
        "segmentation": ("radical_segmentation",),
        "scribble": ("skeletonization_scribble",),
    }


@pytest.mark.parametrize(
    "field",
    [
        {"width": 255},
        {"height": 2112},
        {"width": True},
        {"seed": 2**53},
        {"seed": 1.5},
        {"scene_seed": 2**53},
        {"variations": 2.5},
        {"variations": True},
        {"seed": 2**53 - 2, "variations": 3},
        {"num_inference_steps": 0},
        {"guidance_scale": float("nan")},
        {"controlnet_weights": {"canny": -0.1}},
        {"controlnet_weights": {"canny": 2.1}},
        {"conditioning_methods": {"canny": ["opencv_canny", "opencv_canny"]}},
        {"include_conditioning": "yes"},
        {"priority": "urgent"},
        {"translation": "a\x00b"},
        {"negative_prompt": "\x1b[31m"},
    ],
)
def test_fields_outside_their_range_are_refused(field: dict[str, object]) -> None:
    """`tests/system/test_bad_input.py` has further ones, with the codes that callers get."""
    with pytest.raises(ValidationError):
        GenerationRequest.model_validate({"word": "学", **field})


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("第一课　词汇", "第一课 词汇"),  # a Chinese keyboard's space
        ("Leçon\xa01", "Leçon 1"),
        ("\u202aכיתה\u200f א\u202c", "כיתה א"),
        ("کتاب\u200cها", "کتاب\u200cها"),  # Persian is written with a joiner
        ("👩\u200d🏫  1", "👩\u200d🏫  1"),
    ],
)
def test_a_decks_name_is_written_on_any_keyboard(sent: str, name: str) -> None:
    assert DeckRequest.model_validate({"words": ["山"], "name": sent}).name == name


@pytest.mark.parametrize("sent", ["a\nb", "a\x07", "\u200d"])
def test_a_decks_name_can_be_shown(sent: str) -> None:
    with pytest.raises(ValidationError):
        DeckRequest.model_validate({"words": ["山"], "name": sent})


@pytest.mark.parametrize("field", ["translation", "reading"])
def test_a_deck_s_word_has_no_control_characters(field: str) -> None:
    """They separate the fields of Anki's notes."""
    with pytest.raises(ValidationError, match="control character"):
        DeckWord.model_validate({"word": "学", field: "a\x1fb"})


def test_seeds_may_be_counted_up_to_the_largest() -> None:
    assert GenerationRequest(word="学", seed=2**53 - 2, variations=2).variations == 2
    assert GenerationRequest(word="学", variations=4).seed is None


def test_one_picture_s_result_has_the_five_fields_alone() -> None:
    """Older clients know no others."""
    result = AIGenerationResult(
        success=True, generated_image_base64="", conditioning_images_base64={}, prompt_used="", generation_metadata={}
    )
    assert set(result.model_dump(mode="json")) == set(AIGenerationResult.model_fields) - {"variations"}
    assert len(AIGenerationResult.model_json_schema()["required"]) == 5


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("手紙（てがみ）", None, "ja"),
        ("手[て]紙[がみ]", "auto", "ja"),
        ("手紙（てがみ）", "zh", "zh"),
        ("手紙", "auto", "auto"),
        ("学习[xue2xi2]", "auto", "auto"),
    ],
)
def test_furigana_shows_that_a_word_is_japanese(word: str, language: str | None, expected: str) -> None:
    request = GenerationRequest.model_validate({"word": word, "language": language})
    assert request.word in {"手紙", "学习"}
    assert request.language == expected


def test_requests_survive_the_record() -> None:
    """A request that is read back from JSON is equal."""
    request = GenerationRequest(word="学习", seed=7, controlnet_weights={"canny": 1.5}, width=512)
    assert GenerationRequest.model_validate_json(request.model_dump_json(exclude_defaults=True)) == request


def test_terminal_statuses() -> None:
    assert [status for status in JobStatus if status.is_terminal] == ["succeeded", "failed", "cancelled"]
    assert set(CONTROL_TYPES) == {"canny", "depth", "segmentation", "scribble"}


@pytest.mark.parametrize("field", sorted(set(GenerationRequest.model_fields) - {"word"}))
def test_null_is_the_same_as_left_out_and_the_description_says_so(field: str) -> None:
    assert GenerationRequest.model_validate({"word": "学", field: None}) == GenerationRequest(word="学")
    described = GenerationRequest.model_json_schema()["properties"][field]
    assert {"type": "null"} in described["anyOf"]


def test_null_is_left_out_within_a_field_too_but_the_word_is_needed() -> None:
    request = GenerationRequest.model_validate({"word": "学", "legibility": {"target": 0.5, "max_attempts": None}})
    assert request.legibility is not None
    assert request.legibility.max_attempts == 4
    for missing in ({"word": None}, {"word": "学", "legibility": {"target": None}}):
        with pytest.raises(ValidationError):
            GenerationRequest.model_validate(missing)


@pytest.mark.parametrize("field", ["seed", "width", "height", "num_inference_steps"])
def test_a_whole_number_is_an_integer_however_it_is_written(field: str) -> None:
    """In JSON Schema 64.0 is an integer; 64.5, infinity, true and text are not."""
    value = 64.0 if field == "num_inference_steps" else 512.0
    request = GenerationRequest.model_validate({"word": "学", field: value})
    assert type(getattr(request, field)) is int
    assert request == GenerationRequest.model_validate({"word": "学", field: int(value)})
    for wrong in (value + 0.5, float("inf"), float("nan"), True, str(int(value)), 1e300):
        with pytest.raises(ValidationError):
            GenerationRequest.model_validate({"word": "学", field: wrong})


def test_the_description_keeps_the_bounds_of_integers() -> None:
    properties = GenerationRequest.model_json_schema()["properties"]
    assert properties["width"]["anyOf"][0] == {"type": "integer", "minimum": 256, "maximum": 2048, "multipleOf": 64}
    assert properties["seed"]["anyOf"][0]["maximum"] == 2**53 - 1
