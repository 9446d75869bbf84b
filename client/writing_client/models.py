"""The wire format, as the client sends and reads it.

The service validates requests and reports what is wrong with them, so only names and types are checked here.
Fields of a response that this version of the client does not know are ignored.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

ControlType = Literal["canny", "depth", "segmentation", "scribble"]
ImageryMode = Literal["auto", "none"]
LanguageChoice = Literal[
    "auto", "zh", "ja", "ar", "cs", "fr", "de", "el", "he", "hi", "id", "it", "ko", "fa", "pl", "pt", "ru", "es", "th",
    "tr", "uk", "vi",
]  # fmt: skip
TranslationLanguage = Literal[
    "auto", "en", "other", "zh", "ja", "ar", "cs", "fr", "de", "el", "he", "hi", "id", "it", "ko", "fa", "pl", "pt",
    "ru", "es", "th", "tr", "uk", "vi",
]  # fmt: skip


class RequestModel(BaseModel):
    """Base of what is sent. The service supplies fields that are not set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ResponseModel(BaseModel):
    """Base of what is received."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Priority(StrEnum):
    """Which queue a job waits in."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Language(StrEnum):
    """A language with a lexicon of its own."""

    CHINESE = "zh"
    JAPANESE = "ja"
    ARABIC = "ar"
    CZECH = "cs"
    FRENCH = "fr"
    GERMAN = "de"
    GREEK = "el"
    HEBREW = "he"
    HINDI = "hi"
    INDONESIAN = "id"
    ITALIAN = "it"
    KOREAN = "ko"
    PERSIAN = "fa"
    POLISH = "pl"
    PORTUGUESE = "pt"
    RUSSIAN = "ru"
    SPANISH = "es"
    THAI = "th"
    TURKISH = "tr"
    UKRAINIAN = "uk"
    VIETNAMESE = "vi"


class Quality(StrEnum):
    """The trade-off between quality and speed: `exact` as the model draws, `fast` and `turbo` faster."""

    EXACT = "exact"
    FAST = "fast"
    TURBO = "turbo"


class LegibilityTarget(RequestModel):
    """The legibility to reach.

    Attributes:
        target: the score that the least legible character should reach, 0 to 1.
        max_attempts: the maximum number of pictures to make, 1 to 4.
    """

    target: float
    max_attempts: int = 4


class GenerationRequest(RequestModel):
    """A word to draw; docs/reference/http-api.md describes the fields."""

    word: str
    translation: str = ""
    reading: str = ""
    language: LanguageChoice = "auto"
    translation_language: TranslationLanguage = "auto"
    imagery: ImageryMode | tuple[str, ...] = "auto"
    draw_imagery: bool | None = None
    style: str | None = None
    width: int | None = None
    height: int | None = None
    seed: int | None = None
    scene_seed: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    conditioning_methods: Mapping[ControlType, tuple[str, ...]] = {}
    controlnet_weights: Mapping[ControlType, float] = {}
    legibility: LegibilityTarget | None = None
    quality: Quality = Quality.EXACT
    variations: int = 1
    include_conditioning: bool = True
    webhook_url: str | None = None
    priority: Priority = Priority.INTERACTIVE


class Variation(ResponseModel):
    """One of several pictures of the same scene.

    Attributes:
        legibility: the scores, as in the result's metadata.
        kept: whether it is the most legible one, which the result's own fields hold.
    """

    generated_image_base64: str
    seed: int
    legibility: dict[str, Any]
    kept: bool


class AIGenerationResult(ResponseModel):
    """A finished picture.

    Attributes:
        success: always true.
        generated_image_base64: PNG.
        conditioning_images_base64: PNG by type and method.
        prompt_used: the prompt.
        generation_metadata: seed, model, parameters used, times.
        variations: all pictures in the order of their seeds; empty for a single picture.
    """

    success: bool
    generated_image_base64: str
    conditioning_images_base64: dict[str, dict[str, str]]
    prompt_used: str
    generation_metadata: dict[str, Any]
    variations: tuple[Variation, ...] = ()


class VariationLink(ResponseModel):
    """The URL of one of several pictures of the same scene."""

    image: str
    seed: int
    legibility: dict[str, Any]
    kept: bool


class ResultLinks(ResponseModel):
    """The URLs of a finished picture."""

    success: bool
    image_url: str
    conditioning_urls: dict[str, dict[str, str]]
    prompt_used: str
    generation_metadata: dict[str, Any]
    variations: tuple[VariationLink, ...] = ()


class SenseView(ResponseModel):
    """One sense of a word.

    Attributes:
        reading: pinyin with tone marks, or kana; empty in other languages.
        gloss: the meaning in English.
        is_pictured: false for a particle, which a picture cannot show.
        imagery: the motifs that depict it, best first.
    """

    reading: str
    gloss: str
    is_pictured: bool
    imagery: tuple[str, ...]


class LanguageView(ResponseModel):
    """A language in which a word means something, and its likeliest meaning there."""

    language: Language
    gloss: str


class Senses(ResponseModel):
    """A word, its readings, and its senses, the likeliest first.

    Attributes:
        language: the language in which the word was looked up.
        languages: those that a word in Latin letters without senses may be of.
        imagery: the motifs that `"imagery": "auto"` selects for the given translation and reading.
    """

    word: str
    language: Language = Language.CHINESE
    readings: tuple[str, ...]
    senses: tuple[SenseView, ...]
    languages: tuple[LanguageView, ...] = ()
    imagery: tuple[str, ...] = ()


class MotifView(ResponseModel):
    """A motif that a picture can show.

    Attributes:
        name: its name in a request's `imagery`.
        phrase: its description in a prompt.
        keywords: English and Chinese words that find it.
        svg_url: the URL of its drawing.
    """

    name: str
    phrase: str
    keywords: tuple[str, ...]
    svg_url: str


class Motifs(ResponseModel):
    """A page of found motifs; `total` counts all that were found."""

    query: str
    total: int
    motifs: tuple[MotifView, ...]


class JobStatus(StrEnum):
    """A job's status; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}


class JobError(ResponseModel):
    """Why a job failed."""

    code: str
    title: str
    detail: str
    field: str | None = None


class Progress(ResponseModel):
    """The denoising steps done and their total; 0 of 0 until the total is known."""

    step: int = 0
    total_steps: int = 0


class JobView(ResponseModel):
    """A job as polled.

    Attributes:
        word: the word in normal form.
        deck_id: the deck that it belongs to.
        stage: what the job is doing: glyph, conditioning, diffusion, encoding …
        queue_position: the number of jobs ahead of it; None once it runs.
        cancel_requested: whether it was to be cancelled while it ran; it ends at its next step.
        created_at, started_at, finished_at: in seconds since the epoch.
    """

    job_id: str
    status: JobStatus
    word: str = ""
    priority: Priority = Priority.INTERACTIVE
    deck_id: str | None = None
    stage: str | None
    progress: Progress
    queue_position: int | None
    cancel_requested: bool = False
    result: AIGenerationResult | ResultLinks | None
    error: JobError | None
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None


class JobAccepted(ResponseModel):
    """The response to a new job."""

    job_id: str
    status: JobStatus
    status_url: str


class DeckAccepted(ResponseModel):
    """The response to a new deck; `accepted` counts the words that will be drawn, `refused` the others."""

    deck_id: str
    status_url: str
    accepted: int
    refused: int
    read_as: str | None


class Meanings(ResponseModel):
    """A word and its English meanings from the lexicon, the likeliest first."""

    word: str
    meanings: tuple[str, ...]


class GPUStatus(ResponseModel):
    """The device that a worker computes on. Values that the machine cannot report are None."""

    available: bool
    name: str
    profile: str
    total_memory_gib: float | None
    free_memory_gib: float | None
    used_memory_gib: float | None
    temperature_c: float | None = None
    power_w: float | None = None
    utilisation_percent: float | None = None


class WorkerState(StrEnum):
    """Whether a worker can take jobs."""

    COLD = "cold"
    LOADING = "loading"
    WARM = "warm"


class WorkerInfo(ResponseModel):
    """A worker's report on itself."""

    worker_id: str
    state: WorkerState
    model: str
    device: str
    concurrency: int
    batch_limit: int
    engine_steps: int = 0
    engine_rows: int = 0
    methods: dict[ControlType, tuple[str, ...]]
    unavailable_methods: dict[str, str]
    running: int
    gpu_status: GPUStatus
    setup: dict[str, str] = {}
    started_at: float


class StyleView(ResponseModel):
    """A style on offer. Its label may be empty."""

    label: str
    controlnet_weights: dict[ControlType, float]


class RequestLimits(ResponseModel):
    """The most that a request may ask for; `side` applies to `width` and `height`."""

    side: int = 2048
    num_inference_steps: int = 100
    variations: int = 4
    max_attempts: int = 4


class ServiceStatus(ResponseModel):
    """The service's capabilities and load. An older service does not state its limits, and has the default ones."""

    version: str
    model: str
    models: dict[str, str | None]
    controlnet_model: str = "union"
    default_style: str = ""
    default_size: int
    default_num_inference_steps: int = 0
    default_guidance_scale: float = 1.0
    draw_imagery: bool
    limits: RequestLimits = RequestLimits()
    qualities: tuple[Quality, ...]
    profiles: list[str]
    styles: dict[str, StyleView]
    methods: dict[ControlType, tuple[str, ...]]
    unavailable_methods: dict[str, str]
    queue_depth: dict[Priority, int]
    workers: list[WorkerInfo]


class DeckWordView(ResponseModel):
    """The status of one word of a deck.

    Attributes:
        index: its position in the list, from 0.
        line: its line in a CSV, from 1; None for JSON.
        job_id: None if it was refused.
        image_url: its picture's URL; None until there is one.
        error: why it was refused or failed.
    """

    index: int
    line: int | None
    word: str
    reading: str
    meaning: str
    status: JobStatus | Literal["refused"]
    job_id: str | None
    status_url: str | None
    image_url: str | None
    error: JobError | None


class DeckHead(ResponseModel):
    """A deck without its words; `counts` has the number of words by status, including the refused ones."""

    deck_id: str
    name: str
    is_finished: bool
    total: int
    counts: dict[str, int]
    zip_url: str
    apkg_url: str


class DeckView(DeckHead):
    """A deck's status."""

    words: tuple[DeckWordView, ...]


class DeckSummary(DeckHead):
    """A deck in a list; `created_at` is in seconds since the epoch."""

    created_at: float
    status_url: str


class DeckListing(ResponseModel):
    """A page of decks, newest first; `next_cursor` is None on the last one."""

    decks: tuple[DeckSummary, ...]
    next_cursor: str | None


class ListedRow(ResponseModel):
    """A line of a list that contains a word.

    Attributes:
        line: its line in the list, from 1.
        translation: the word's meaning in English; "" if it is to be looked up.
        language: what the list shows: "ja" beside kana, or the language of its words in Latin letters; or else "auto".
        translation_language: "other" if the list shows that the translation is not English, or else "auto".
        style, imagery: the word's own; None for the deck's.
    """

    line: int
    word: str
    translation: str = ""
    reading: str = ""
    language: LanguageChoice = "auto"
    translation_language: TranslationLanguage = "auto"
    style: str | None = None
    imagery: ImageryMode | tuple[str, ...] | None = None


class ListNote(ResponseModel):
    """A line of a list that does not contain a word, and why."""

    line: int
    reason: str


class ListView(ResponseModel):
    """A list of words as the service interprets it.

    Attributes:
        read_as: the encoding, separator and columns.
        refused: lines that should contain a word but do not.
        notes: lines that are not meant as words: a heading, a category.
    """

    read_as: str
    words: tuple[ListedRow, ...]
    refused: tuple[ListNote, ...] = ()
    notes: tuple[ListNote, ...] = ()


class CardText(RequestModel):
    """A card whose picture is on this machine.

    Attributes:
        language: whose stroke order to show.
        file: the picture's path, relative to the deck's folder.
        digest: the first 24 hexadecimal digits of its SHA-256.
    """

    word: str
    reading: str = ""
    language: LanguageChoice = "auto"
    meaning: str = ""
    prompt: str = ""
    file: str
    digest: str
