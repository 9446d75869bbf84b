"""A result's metadata: how its picture was made. Workers write it; the API passes it on as it is."""

import operator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from shared.schemas.conditioning import ControlType
from shared.schemas.request import Quality
from shared.writing.language import Language


class _Described(BaseModel):
    """Base class of what workers write. A newer worker may add fields."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


class CharacterReading(_Described):
    """How the judge read one character."""

    character: str
    read: str
    score: float | None = Field(description="the probability of the right character; null if it cannot be judged")
    is_top: bool = Field(description="whether the right character was the judge's first answer")
    in_print: float | None = Field(default=None, description="the score of the character in print; null as the score")


class Legibility(_Described):
    """How well the word can be read in the picture."""

    score: float | None = Field(description="that of the least legible character, 0 to 1; null if unknown")
    read: str = Field(description="what was read")
    unknown: str | None = Field(description="why there is no score, or which characters it omits")
    characters: tuple[CharacterReading, ...]
    of_print: float | None = Field(
        default=None, description="the least share of print's score that a character reaches; targets compare it"
    )


class DepictedMotif(_Described):
    """A motif that the prompt names."""

    name: str
    box: tuple[int, ...] | None = Field(description="left, top, width and height in pixels; null if it is not drawn")


class LegibilityAttempt(_Described):
    """An attempt at a legibility target."""

    control_level: int = Field(description="−3 to 3: less or more control than the style's")
    seed: int
    controlnet_weights: dict[ControlType, float]
    guidance_scale: float
    control_guidance_end: float
    score: float | None
    of_print: float | None = Field(default=None, description="the score as a share of print's")
    read: str
    kept: bool


class Parameters(_Described):
    """What a picture was drawn from, beside its prompt. The same values reproduce it."""

    word: str = Field(description="the word in normal form, as drawn")
    language: Language = Field(description="the language whose strokes and lexicon were used")
    reading: str | None = Field(
        description="that of the sense; null if the lexicon lacks the word, or its reading is not certain"
    )
    translation: str = Field(description="the meaning to display: the request's, or else the lexicon's")
    prompt_meaning: str = Field(description="the English meaning that steers the picture")
    prompt_meaning_source: Literal["request", "lexicon"]
    translation_note: str = Field(
        default="",
        exclude_if=operator.not_,
        description="why the translation was not used, or why no meaning is shown; otherwise absent",
    )
    imagery: tuple[DepictedMotif, ...] = Field(description="the motifs that the prompt names, best first")
    draw_imagery: bool = Field(description="whether the maps contain them")
    imagery_note: str = Field(
        default="", exclude_if=operator.not_, description="the motifs that had no room; otherwise absent"
    )
    negative_prompt: str
    style: str
    seed: int
    scene_seed: int
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    guidance_end: float = Field(description="share of the steps after which guidance stops; 1: never")
    cache_interval: int = Field(description="every n-th step is computed in full; 1: all")
    quality: Quality
    scheduler: str
    model_used: str = Field(description="`embedded`, or the checkpoint")
    controlnet_model: Literal["union"]
    networks: str = Field(description="the networks that drew it, such as `as trained`")
    service_version: str
    controlnet_weights: dict[ControlType, float] = Field(description="the controls that steered")
    control_guidance_end: float = Field(description="share of the steps after which the controls stop; 1: never")
    conditioning_methods: dict[ControlType, list[str]] = Field(description="the methods that ran; the first one steers")


class GenerationMetadata(Parameters):
    """How a picture was made; the same parameters reproduce it."""

    generation_time_ms: int = Field(description="from when a worker took the job to its end")
    timings_ms: dict[str, int] = Field(
        description="milliseconds by part: prompt, glyph, conditioning, diffusion (with the wait for the device), "
        "legibility, encoding"
    )
    batch_size_max: int = Field(description="the largest number of rows that shared a step")
    left_out: dict[str, list[str]] = Field(
        description="phrases without effect by `prompt` and `negative_prompt`; {} if there are none"
    )
    conditioning_notes: dict[str, dict[str, Any]] = Field(
        description="notes on the word by method: radicals, strokes …"
    )
    legibility: Legibility
    legibility_attempts: tuple[LegibilityAttempt, ...] = Field(description="in order; one without a legibility target")


class _DescribedBy:
    """Gives a field another model's JSON schema; its values are not validated."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(self._model.__pydantic_core_schema__)


# Workers make them; a newer one may report more.
AnyMetadata = Annotated[dict[str, Any], _DescribedBy(GenerationMetadata)]
AnyLegibility = Annotated[dict[str, Any], _DescribedBy(Legibility)]
