"""What goes over the wire: request, result, job status, GPU and worker status. All frozen, unknown fields refused."""

import operator
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from shared.errors import InvalidRequest
from shared.writing.motif import MAX_MOTIFS, ImageryMode, motif_name
from shared.writing.normalise import normalise_word

T = TypeVar("T", str, "str | None")

ControlType = Literal["canny", "depth", "segmentation", "scribble"]
CONTROL_TYPES: tuple[ControlType, ...] = get_args(ControlType)

# Conditioning methods by type; the first of each is the default.
CONDITIONING_METHODS: Mapping[ControlType, tuple[str, ...]] = {
    "canny": ("opencv_canny", "structured_edge_detection", "adaptive_canny"),
    "depth": ("distance_transform_depth", "stroke_thickness_depth", "ai_depth_estimation"),
    "segmentation": ("radical_segmentation", "stroke_type_segmentation", "ai_segmentation"),
    "scribble": ("skeletonization_scribble", "hand_drawn_simulation", "style_aware_scribble"),
}
# Methods that need a model which a deployment may lack.
AI_METHODS = frozenset({"ai_depth_estimation", "ai_segmentation"})


def _integral(value: object) -> object:
    """Return 7 for 7.0: JSON has one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


LONGEST_MOTIF_NAME = 80
IMAGERY_HINT = 'give "auto", "none", or a list of one to three different motif names such as ["books"]'


def _imagery(value: object) -> object:
    """Return what a request says of imagery, names as motifs have them; whether there are such motifs is seen later.

    Raises:
        PydanticCustomError: it is nothing of `IMAGERY_HINT`.
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
        raise PydanticCustomError("invalid_text", "holds a character that cannot be shown")
    if len(set(names)) < len(names) or not all(names) or not set(names).isdisjoint(get_args(ImageryMode)):
        raise PydanticCustomError("invalid_imagery", IMAGERY_HINT)
    return names


read_imagery_field = BeforeValidator(_imagery)
INTEGRAL = BeforeValidator(_integral)  # stands last: JSON Schema knows the bounds of a plain integer only
MotifNames = Annotated[
    tuple[Annotated[str, Field(max_length=LONGEST_MOTIF_NAME)], ...],
    Field(min_length=1, max_length=MAX_MOTIFS, json_schema_extra={"uniqueItems": True}),
]
# 0 drops the control; the Union ControlNet was trained at 1, and beyond 2 pictures fall apart.
Weight = Annotated[float, Field(strict=True, ge=0, le=2, allow_inf_nan=False)]
# Three halvings in the UNet and eight in the VAE: a side is a multiple of 64.
SIDE_LIMITS = {"ge": 256, "le": 2048, "multiple_of": 64}
Side = Annotated[int, Field(strict=True, **SIDE_LIMITS), INTEGRAL]

MAX_SEED = 2**53 - 1  # the largest integer that every JSON reader keeps exact
MAX_VARIATIONS = 4
Seed = Annotated[int, Field(strict=True, ge=0, le=MAX_SEED), INTEGRAL]

CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Schema(BaseModel):
    """Base of everything on the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Question(Schema):
    """Base of what clients send: null is the same as left out, for every field that may be left out."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        fields = cls.model_fields
        return {
            key: value
            for key, value in data.items()
            if value is not None or key not in fields or fields[key].is_required()
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema, which says that every field that may be left out may be null."""
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        for name, field in schema["properties"].items():
            if name not in schema["required"] and {"type": "null"} not in field.get("anyOf", []):
                about = {key: field.pop(key) for key in ("title", "description", "default") if key in field}
                schema["properties"][name] = {"anyOf": [field, {"type": "null"}], **about}
        return reference


class Priority(StrEnum):
    """Which queue a job waits in."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Quality(StrEnum):
    """How a picture is drawn.

    `exact` is what the model itself draws; `fast` stops guidance early and narrows the arithmetic where the card can;
    `turbo` needs a few steps, with weights distilled for that.
    """

    EXACT = "exact"
    FAST = "fast"
    TURBO = "turbo"


class LegibilityTarget(Question):
    """How legible the word should be; the service then chooses how strongly it steers."""

    target: Annotated[
        float,
        Field(
            strict=True, ge=0, le=1, allow_inf_nan=False, description="score that the least legible character reaches"
        ),
    ]
    max_attempts: Annotated[int, Field(strict=True, ge=1, le=4, description="pictures to make at most"), INTEGRAL] = 4


def without_control_characters(text: T) -> T:
    """Return a text; for validators.

    Raises:
        PydanticCustomError: it holds a control character.
    """
    if text and CONTROL_CHARACTER.search(text):
        raise PydanticCustomError("invalid_text", "holds a control character")
    return text


class WordToDraw(Question):
    """A word, and what it means."""

    word: Annotated[
        str, Field(description="1 to 12 characters of any script that the service has strokes or a font for")
    ]
    translation: Annotated[
        str, Field(max_length=200, description="the word's meaning, in English; empty: looked up in the lexicon")
    ] = ""
    reading: Annotated[
        str,
        Field(
            max_length=80, description="which of the word's senses, by pinyin: zhǎng or zhang3; empty: the likeliest"
        ),
    ] = ""

    @field_validator("word")
    @classmethod
    def _word_can_be_written(cls, word: str) -> str:
        try:
            return normalise_word(word)
        except InvalidRequest as error:
            raise PydanticCustomError(error.code, "{detail}", {"detail": error.detail}) from error

    @field_validator("translation", "reading")
    @classmethod
    def _text_has_no_control_characters(cls, text: str | None) -> str | None:
        return without_control_characters(text)


class DrawingOptions(Question):
    """How to draw, whatever the word. What is left out takes the model's or the style's default."""

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
        Field(description="whether the conditioning images hold the motifs too; default: the model's own"),
    ] = None
    style: Annotated[str, Field(max_length=40, description="a style of /api/writing/status")] | None = None
    width: Annotated[Side | None, Field(description="pixels, a multiple of 64; default: the model's own size")] = None
    height: Annotated[Side | None, Field(description="pixels, a multiple of 64; default: the model's own size")] = None
    seed: Annotated[Seed | None, Field(description="of the noise: the same seed gives the same picture again")] = None
    scene_seed: Annotated[
        Seed | None, Field(description="of the scene's layout and of maps drawn by hand; default: the seed")
    ] = None
    num_inference_steps: Annotated[int, Field(strict=True, ge=1, le=100), INTEGRAL] | None = None
    guidance_scale: Annotated[
        float | None, Field(strict=True, ge=1, le=20, allow_inf_nan=False, description="1: no guidance")
    ] = None
    negative_prompt: Annotated[
        str | None, Field(max_length=500, description="replaces the model's and the style's negative prompt")
    ] = None
    conditioning_methods: Annotated[
        Mapping[ControlType, Annotated[tuple[str, ...], Field(min_length=1, max_length=3)]],
        Field(description="type to methods: the first listed steers, all are returned; others take their default"),
    ] = Field(default_factory=dict)
    controlnet_weights: Annotated[
        Mapping[ControlType, Weight], Field(description="type to 0…2, over the style's weights; 0 drops the control")
    ] = Field(default_factory=dict)
    legibility: Annotated[
        LegibilityTarget | None,
        Field(description="a target instead of fixed weights: tried again with more or less control until it is met"),
    ] = None
    quality: Annotated[Quality, Field(description="faster tiers, where the deployment offers them")] = Quality.EXACT

    @field_validator("negative_prompt")
    @classmethod
    def _negative_prompt_has_no_control_characters(cls, text: str | None) -> str | None:
        return without_control_characters(text)

    @field_validator("conditioning_methods")
    @classmethod
    def _methods_exist(cls, chosen: Mapping[ControlType, tuple[str, ...]]) -> Mapping[ControlType, tuple[str, ...]]:
        for control_type, methods in chosen.items():
            known = CONDITIONING_METHODS[control_type]
            unknown = next((method for method in methods if method not in known), None)
            if unknown is not None:
                raise PydanticCustomError(
                    "unknown_method",
                    "{control_type} has no method {method}; it has {known}",
                    {"control_type": control_type, "method": repr(unknown), "known": ", ".join(known)},
                )
            if len(set(methods)) < len(methods):
                raise PydanticCustomError(
                    "unknown_method", "{control_type} names a method twice", {"control_type": control_type}
                )
        return chosen

    def methods(self) -> dict[ControlType, tuple[str, ...]]:
        """Return the methods to run for every type."""
        return {
            control_type: self.conditioning_methods.get(control_type, CONDITIONING_METHODS[control_type][:1])
            for control_type in CONTROL_TYPES
        }


class GenerationRequest(DrawingOptions, WordToDraw):
    """A word to draw. Only `word` is needed; what is left out takes the model's or the style's default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"word": "学习", "translation": "study", "style": "comic", "seed": 7}]}
    )

    variations: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=MAX_VARIATIONS,
            description="pictures to draw of the same scene, from the seeds seed, seed + 1, …",
        ),
        INTEGRAL,
    ] = 1
    include_conditioning: Annotated[StrictBool, Field(description="return the conditioning images")] = True
    webhook_url: Annotated[
        str | None,
        Field(max_length=2000, description="told, signed, when the job has ended; an allowed host's https URL"),
    ] = None
    priority: Annotated[Priority, Field(description="bulk jobs leave the interactive ones the way")] = (
        Priority.INTERACTIVE
    )

    @field_validator("variations")
    @classmethod
    def _seeds_can_be_counted_up(cls, variations: int, info: ValidationInfo) -> int:
        most = MAX_SEED - (info.data.get("seed") or 0) + 1
        if variations > most:
            raise PydanticCustomError(
                "out_of_range",
                "each variation has a seed of its own, counted up from seed, at most {limit}: give a smaller seed",
                {"limit": MAX_SEED},
            )
        return variations


class Variation(Schema):
    """One of several pictures of the same scene."""

    generated_image_base64: str
    seed: int
    legibility: dict[str, Any] = Field(description="as in the result's metadata")
    kept: bool = Field(description="whether it is the most legible, which the result's own fields hold")


class AIGenerationResult(Schema):
    """A finished picture. Images are PNG in base64."""

    success: bool
    generated_image_base64: str
    conditioning_images_base64: dict[str, dict[str, str]] = Field(
        description="type to method to image; empty if `include_conditioning` was false"
    )
    prompt_used: str
    generation_metadata: dict[str, Any] = Field(
        description="seed, model, parameters as used, `timings_ms` by stage and `generation_time_ms` in all"
    )
    variations: tuple[Variation, ...] = Field(
        default=(), exclude_if=operator.not_, description="all pictures in the order of their seeds; left out for one"
    )


class VariationLink(Schema):
    """One of several pictures of the same scene, by its address."""

    image: str = Field(description="its address")
    seed: int
    legibility: dict[str, Any] = Field(description="as in the result's metadata")
    kept: bool = Field(description="whether it is the most legible, which the result's own fields hold")


class ResultLinks(Schema):
    """A finished picture by its addresses: the answer to `?result=links`."""

    success: bool
    image_url: str
    conditioning_urls: dict[str, dict[str, str]] = Field(description="type to method to address")
    prompt_used: str
    generation_metadata: dict[str, Any] = Field(description="as in the whole result")
    variations: tuple[VariationLink, ...] = Field(
        default=(), exclude_if=operator.not_, description="as in the whole result"
    )


class SenseView(Schema):
    """One sense of a word."""

    reading: str = Field(description="pinyin with tone marks")
    gloss: str
    is_pictured: bool = Field(description="false: a particle, which no picture can show")
    imagery: tuple[str, ...] = Field(description="the motifs that depict it, the best first")


class Senses(Schema):
    """A word, its readings, and its senses, the likeliest first."""

    word: str
    readings: tuple[str, ...]
    senses: tuple[SenseView, ...]
    imagery: tuple[str, ...] = Field(
        default=(),
        description='what `"imagery": "auto"` takes for the word, with the translation and reading asked for',
    )


class MotifView(Schema):
    """One thing that a picture can show."""

    name: str = Field(description="as `imagery` of a request names it", examples=["graduation-cap"])
    phrase: str = Field(description="as a prompt names it", examples=["a graduation cap"])
    keywords: tuple[str, ...] = Field(description="English and Chinese words that lead to it")
    svg_url: str = Field(description="its drawing")


class Motifs(Schema):
    """Motifs that were looked for."""

    query: str
    total: int = Field(description="how many were found; `motifs` is a part of them")
    motifs: tuple[MotifView, ...]


class JobStatus(StrEnum):
    """Where a job stands; the last three never change."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}


class JobError(Schema):
    """Why a job failed."""

    code: str
    title: str
    detail: str
    field: str | None = None


class Progress(Schema):
    """Denoising steps done, of how many; 0 of 0 before the job knows."""

    step: int = 0
    total_steps: int = 0


class JobView(Schema):
    """A job as polled."""

    job_id: str
    status: JobStatus
    stage: str | None = Field(description="what the job is doing: glyph, conditioning, diffusion, encoding …")
    progress: Progress
    queue_position: int | None = Field(description="jobs that go before this one; null once it runs")
    result: AIGenerationResult | ResultLinks | None
    error: JobError | None


class JobAccepted(Schema):
    """The answer to a submitted job."""

    job_id: str
    status: JobStatus
    status_url: str


class GPUStatus(Schema):
    """The device a worker computes on. What the machine cannot say is null."""

    available: bool = Field(description="whether there is a GPU")
    name: str
    profile: str = Field(description="a key of gpu_profiles.yaml")
    total_memory_gib: float | None = Field(description="GPU memory; on a CPU the machine's")
    free_memory_gib: float | None
    used_memory_gib: float | None = Field(description="by all; on a CPU by this process")
    temperature_c: float | None = None
    power_w: float | None = None
    utilisation_percent: float | None = None


class WorkerState(StrEnum):
    """Whether a worker can take jobs."""

    COLD = "cold"
    LOADING = "loading"
    WARM = "warm"


class WorkerInfo(Schema):
    """What a worker says of itself, each heartbeat."""

    worker_id: str
    state: WorkerState
    model: str
    device: str
    concurrency: int
    batch_limit: int
    engine_steps: int = Field(default=0, description="denoising steps taken since its start, each with a batch")
    engine_rows: int = Field(default=0, description="pictures that took part in them, added up")
    methods: dict[ControlType, tuple[str, ...]] = Field(description="those that can run there")
    unavailable_methods: dict[str, str] = Field(description="those that cannot, each with the reason")
    running: int
    gpu_status: GPUStatus
    setup: dict[str, str] = Field(default_factory=dict, description="what was switched for its device, and why")
    started_at: float


class Problem(Schema):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str = Field(description="stable: programs may rely on it")
    field: str | None = Field(default=None, description="the request's field at fault")
    errors: list[dict[str, Any]] = Field(default_factory=list, description="every fault, if there are several")


class ServiceStatus(Schema):
    """What the service offers, and how busy it is."""

    version: str
    model: str
    models: dict[str, str | None] = Field(description="base, ControlNet and VAE of the model in use")
    controlnet_model: Literal["union"] = "union"
    default_size: int
    draw_imagery: bool = Field(description="what `draw_imagery` is where a request leaves it out")
    qualities: tuple[Quality, ...] = Field(description="what `quality` may be for this model")
    profiles: list[str] = Field(description="GPU profiles of the live workers")
    styles: dict[str, dict[str, Any]]
    methods: dict[ControlType, tuple[str, ...]] = Field(
        description="those that a live worker can run, the default first; all of them while no worker lives"
    )
    unavailable_methods: dict[str, str] = Field(description="those that no live worker can run, with a worker's reason")
    queue_depth: dict[Priority, int]
    workers: list[WorkerInfo]


class RecentFailure(Schema):
    """A job that failed lately."""

    job_id: str
    code: str
    detail: str
    ended_at: float = Field(description="seconds since the epoch")


class Counts(Schema):
    """Jobs by how they ended, and times of the succeeded ones."""

    succeeded: int
    failed: int
    cancelled: int
    average_generation_time_ms: float | None
    average_wait_ms: float | None


class DetailedHealth(Schema):
    """The state of every part."""

    status: Literal["ok", "degraded", "unavailable"]
    redis: bool
    gpu_status: dict[str, GPUStatus] = Field(description="by worker")
    service_status: dict[str, Any] = Field(
        description="`ai_status`: counts and times; `queue_depth`; `drain_s`; `leases`; `workers`; `results`: how full "
        "their store is; `recent_failures`"
    )
