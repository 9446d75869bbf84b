"""The request: what to draw, and how."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, get_args

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.errors import InvalidRequest
from shared.schemas.base import INTEGRAL, PLAIN, RequestModel
from shared.schemas.conditioning import CONDITIONING_METHODS, CONTROL_TYPES, ControlType
from shared.writing.language import LanguageChoice, TranslationLanguage
from shared.writing.motif import MAX_MOTIFS, ImageryMode, motif_name
from shared.writing.normalise import LENGTH_RULE, language_shown, normalise_word

LONGEST_MOTIF_NAME = 80
LONGEST_TRANSLATION = 200
LONGEST_READING = 80
LONGEST_STYLE_NAME = 40
IMAGERY_HINT = 'give "auto", "none", or a list of one to three different motif names such as ["books"]'


def _imagery(value: object) -> object:
    """Return a request's imagery, with normalised motif names. Whether such motifs exist is checked later.

    Raises:
        PydanticCustomError: it is not one of the forms in `IMAGERY_HINT`.
    """
    if isinstance(value, str):
        mode = value.strip().casefold()
        if mode not in get_args(ImageryMode):
            raise PydanticCustomError("invalid_imagery", IMAGERY_HINT)
        return mode
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise PydanticCustomError("imagery_type", IMAGERY_HINT)
    if not value:
        raise PydanticCustomError("too_short", IMAGERY_HINT)
    if len(value) > MAX_MOTIFS or any(len(name) > LONGEST_MOTIF_NAME for name in value):
        raise PydanticCustomError("too_long", IMAGERY_HINT)
    names = tuple(map(motif_name, value))
    if not all(name.isprintable() for name in names):
        raise PydanticCustomError("invalid_text", "contains a character that cannot be displayed")
    if len(set(names)) < len(names) or not all(names) or not set(names).isdisjoint(get_args(ImageryMode)):
        raise PydanticCustomError("invalid_imagery", IMAGERY_HINT)
    return names


read_imagery_field = BeforeValidator(_imagery)

MotifNames = Annotated[
    tuple[Annotated[str, Field(max_length=LONGEST_MOTIF_NAME)], ...],
    Field(min_length=1, max_length=MAX_MOTIFS, json_schema_extra={"uniqueItems": True}),
]
StyleName = Annotated[str, Field(max_length=LONGEST_STYLE_NAME, description="a style listed by /api/writing/status")]
# 0 disables the control. The Union ControlNet was trained at 1; beyond 2, pictures break down.
Weight = Annotated[float, Field(strict=True, ge=0, le=2, allow_inf_nan=False)]
# The UNet halves sides three times and the VAE reduces them eightfold, so a side is a multiple of 64.
SIDE_LIMITS = {"ge": 256, "le": 2048, "multiple_of": 64}
Side = Annotated[int, Field(strict=True, **SIDE_LIMITS), INTEGRAL]

MAX_SEED = 2**53 - 1  # the largest integer that every JSON parser keeps exact
MAX_STEPS = 100
MAX_VARIATIONS = 4
MAX_ATTEMPTS = 4
Seed = Annotated[int, Field(strict=True, ge=0, le=MAX_SEED), INTEGRAL]


class Priority(StrEnum):
    """The queue that a job waits in."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Quality(StrEnum):
    """The trade-off between exactness and speed.

    `exact` runs the model unmodified. `fast` stops guidance early and uses lower precision if the card supports it.
    `turbo` needs only a few steps, with weights distilled for that.
    """

    EXACT = "exact"
    FAST = "fast"
    TURBO = "turbo"


class LegibilityTarget(RequestModel):
    """How legible the word should be; the service then chooses the control strength."""

    target: Annotated[
        float,
        Field(
            strict=True,
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="the score that the least legible character should reach",
        ),
    ]
    max_attempts: Annotated[
        int, Field(strict=True, ge=1, le=MAX_ATTEMPTS, description="the maximum number of attempts"), INTEGRAL
    ] = MAX_ATTEMPTS


Language = Annotated[
    LanguageChoice,
    Field(
        description="the word's; `auto`: as its script shows, of Han characters Chinese, or Japanese beside kana or if "
        "only the Japanese lexicon knows the word"
    ),
]


LanguageOfTranslation = Annotated[
    TranslationLanguage,
    Field(
        description="the translation's: `en`; a language in which it is looked up; `other`: it is only shown; `auto`: "
        "its words decide"
    ),
]


class WordToDraw(RequestModel):
    """A word and its meaning."""

    word: Annotated[str, Field(description=f"{LENGTH_RULE}, of any script for which the service has strokes or a font")]
    translation: Annotated[
        str,
        Field(
            max_length=LONGEST_TRANSLATION,
            description="the word's meaning, in English; empty: looked up in the lexicon",
        ),
        PLAIN,
    ] = ""
    translation_language: LanguageOfTranslation = "auto"
    reading: Annotated[
        str,
        Field(
            max_length=LONGEST_READING,
            description="selects the word's sense: zhǎng, zhang3 or べんきょう; empty: the most likely sense",
        ),
        PLAIN,
    ] = ""
    language: Language = "auto"

    @model_validator(mode="before")
    @classmethod
    def _furigana_is_japanese(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("language", "auto") not in (None, "auto"):
            return data
        word = data.get("word")
        is_japanese = isinstance(word, str) and language_shown(word, "auto") == "ja"
        return {**data, "language": "ja"} if is_japanese else data

    @field_validator("word")
    @classmethod
    def _word_can_be_written(cls, word: str) -> str:
        try:
            return normalise_word(word)
        except InvalidRequest as error:
            raise PydanticCustomError(error.code, "{detail}", {"detail": error.detail}) from error


class DrawingOptions(RequestModel):
    """How to draw, independent of the word. Omitted fields take the model's or the style's default."""

    imagery: Annotated[
        ImageryMode | MotifNames,
        Field(
            description="what depicts the meaning: `auto`, `none`, or one to three motifs of /api/writing/imagery",
            examples=["auto", ["books", "graduation-cap"]],
        ),
        read_imagery_field,
    ] = "auto"
    draw_imagery: Annotated[
        StrictBool | None,
        Field(description="whether the conditioning images also contain the motifs; default: the model's setting"),
    ] = None
    style: StyleName | None = None
    width: Annotated[Side | None, Field(description="in pixels, a multiple of 64; default: the model's size")] = None
    height: Annotated[Side | None, Field(description="in pixels, a multiple of 64; default: the model's size")] = None
    seed: Annotated[Seed | None, Field(description="seed of the noise; the same seed gives the same picture")] = None
    scene_seed: Annotated[
        Seed | None, Field(description="seed of the scene's layout and of hand-drawn maps; default: `seed`")
    ] = None
    num_inference_steps: Annotated[int, Field(strict=True, ge=1, le=MAX_STEPS), INTEGRAL] | None = None
    guidance_scale: Annotated[
        float | None, Field(strict=True, ge=1, le=20, allow_inf_nan=False, description="1: no guidance")
    ] = None
    negative_prompt: Annotated[
        str | None,
        Field(
            max_length=500,
            description="replaces the model's and the style's negative prompt; has no effect without guidance",
        ),
        PLAIN,
    ] = None
    conditioning_methods: Annotated[
        Mapping[ControlType, Annotated[tuple[str, ...], Field(min_length=1, max_length=3)]],
        Field(description="methods by type: the first one steers, all are returned; omitted types use their default"),
    ] = Field(default_factory=dict)
    controlnet_weights: Annotated[
        Mapping[ControlType, Weight],
        Field(description="weights by type, 0 to 2, which override the style's; 0 disables the control"),
    ] = Field(default_factory=dict)
    legibility: Annotated[
        LegibilityTarget | None,
        Field(description="a target instead of fixed weights: redraw with stronger or weaker control until it is met"),
    ] = None
    quality: Annotated[Quality, Field(description="faster tiers, if the deployment offers them")] = Quality.EXACT

    @field_validator("conditioning_methods")
    @classmethod
    def _methods_exist(cls, chosen: Mapping[ControlType, tuple[str, ...]]) -> Mapping[ControlType, tuple[str, ...]]:
        for control_type, methods in chosen.items():
            known = CONDITIONING_METHODS[control_type]
            unknown = next((method for method in methods if method not in known), None)
            if unknown is not None:
                raise PydanticCustomError(
                    "unknown_method",
                    "{control_type} has no method {method}; available: {known}",
                    {"control_type": control_type, "method": repr(unknown), "known": ", ".join(known)},
                )
            if len(set(methods)) < len(methods):
                raise PydanticCustomError(
                    "unknown_method", "{control_type} lists a method twice", {"control_type": control_type}
                )
        return chosen

    def methods(self) -> dict[ControlType, tuple[str, ...]]:
        """Return the methods to run for every type."""
        return {
            control_type: self.conditioning_methods.get(control_type, CONDITIONING_METHODS[control_type][:1])
            for control_type in CONTROL_TYPES
        }


class GenerationRequest(DrawingOptions, WordToDraw):
    """A word to draw. Only `word` is required; omitted fields take the model's or the style's default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"word": "学习", "translation": "study", "style": "comic", "seed": 7}]}
    )

    variations: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=MAX_VARIATIONS,
            description="how many pictures of the same scene to draw, with the seeds seed, seed + 1, …",
        ),
        INTEGRAL,
    ] = 1
    include_conditioning: Annotated[StrictBool, Field(description="return the conditioning images")] = True
    webhook_url: Annotated[
        str | None,
        Field(
            max_length=2000,
            description="an allowed host's https URL, which receives a signed notification when the job has ended",
        ),
    ] = None
    priority: Annotated[Priority, Field(description="bulk jobs yield to interactive jobs")] = Priority.INTERACTIVE

    @field_validator("variations")
    @classmethod
    def _seeds_can_be_counted_up(cls, variations: int, info: ValidationInfo) -> int:
        most = MAX_SEED - (info.data.get("seed") or 0) + 1
        if variations > most:
            raise PydanticCustomError(
                "out_of_range",
                "the variations use consecutive seeds, and the largest seed is {limit}; give a smaller seed",
                {"limit": MAX_SEED},
            )
        return variations
