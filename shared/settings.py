"""Settings: ``config/default.yaml`` overlaid by ``WRITING_…`` environment variables, frozen, read once."""

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import SettingsError
from shared.schemas import Quality, Side
from shared.styles import StyleDefinition, load_styles, read_yaml

PREFIX = "WRITING_"
LEVEL_SEPARATOR = "__"
# What `client` reads from the same environment.
CLIENT_VARIABLES = frozenset({"WRITING_URL", "WRITING_API_KEY"})
PROJECT = Path(__file__).resolve().parents[1]
CONFIG = PROJECT / "config"

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    """Base of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class RedisSettings(Section):
    """Broker, result backend and job records."""

    url: str
    timeout_s: Seconds


class QueueSettings(Section):
    """Limits and lifetimes of jobs."""

    limit: Count
    result_ttl_s: Count
    record_ttl_s: Count
    visibility_timeout_s: Count
    retry_after_s: Count
    bulk_every: Annotated[int, Field(ge=2)]
    lease_s: Seconds
    max_deaths: Count
    reconcile_s: Seconds


class ResultSettings(Section):
    """Where finished pictures lie, and how much they may take.

    Attributes:
        store: `redis`, `file:///FOLDER` or `s3://BUCKET/PREFIX`.
        budget_share: share of Redis's maxmemory, where it has one; beyond it the oldest results go. Less where records
            need the memory.
        budget_bytes: the same in bytes; null: the share alone.
    """

    store: Annotated[str, Field(pattern=r"^(redis|file:///.+|s3://.+)$")]
    budget_share: Annotated[float, Field(gt=0, lt=1)]
    budget_bytes: Count | None


class ApiSettings(Section):
    """The HTTP server."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    processes: Count
    connections: Count
    max_body_bytes: Count
    keys: tuple[str, ...]
    allow_anonymous: bool
    cors_origins: tuple[str, ...]
    rate_limit: str | None
    blocked_words: tuple[str, ...]


class WorkerSettings(Section):
    """A worker process."""

    load_at_start: bool
    concurrency: Count | None
    heartbeat_s: Seconds
    stale_after_s: Seconds
    gpu_locks: Path | None
    poll_s: Seconds
    drain_s: Annotated[float, Field(ge=0)]
    batch_limit: Count | None
    compile_cache: Path


class FastSettings(Section):
    """What `quality: fast` leaves out.

    Attributes:
        guidance_end: share of the steps after which guidance stops, which halves the work of those that follow.
        float8: compute linear layers in 8 bits where the card can; a second set of their weights is then held.
    """

    guidance_end: Annotated[float, Field(gt=0, le=1)]
    float8: bool


class TurboSettings(Section):
    """The few-step weights of `quality: turbo`.

    Attributes:
        lora: hub name or folder of a LoRA for the UNet.
        weight_name: its file.
        num_inference_steps, guidance_scale: what it was distilled for; a request's own values go before.
        timestep_spacing: likewise.
    """

    lora: str
    weight_name: str
    num_inference_steps: Count
    guidance_scale: Annotated[float, Field(ge=1)]
    timestep_spacing: Literal["linspace", "leading", "trailing"]


class ModelSettings(Section):
    """A checkpoint and the parameters it works best with."""

    base: str
    controlnet: str | None
    vae: str | None
    dtype: Literal["auto", "float32", "float16", "bfloat16"]
    default_size: Side
    num_inference_steps: Count
    guidance_scale: Annotated[float, Field(ge=1)]
    negative_prompt: str | None
    solver: Literal["euler", "euler_ancestral", "dpmpp_2m_karras"]
    qualities: tuple[Quality, ...]
    fast: FastSettings
    turbo: TurboSettings | None


class ConditioningSettings(Section):
    """The models of the two AI methods: hub names or local folders; null: the method is not available."""

    depth_model: str | None
    segmentation_model: str | None


class LoggingSettings(Section):
    """How much is logged, and in which form."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    format: Literal["text", "json"]


class WebhookSettings(Section):
    """Who may be told of a job's end, and how."""

    allowed_hosts: tuple[str, ...]
    secret: str | None = Field(repr=False)
    attempts: Count
    first_pause_s: Seconds
    timeout_s: Seconds
    allow_private: bool


class GPUProfile(Section):
    """How a pipeline is sized on a class of devices (``config/gpu_profiles.yaml``).

    Attributes:
        min_memory_gb: nominal memory from which the profile holds; null for machines without GPU.
        batch_min: images in one batch, whatever the free memory.
        batch_max: images in one batch, if the free memory allows.
        memory_efficient: prefer memory over speed in attention and VAE decode.
        torch_compile: compile the UNet and the ControlNet.
        attention_slicing: compute attention in slices.
        cpu_offload: keep the parts that are not at work in the machine's memory.
    """

    min_memory_gb: float | None
    batch_min: Count
    batch_max: Count
    memory_efficient: bool
    torch_compile: bool
    attention_slicing: bool
    cpu_offload: bool


class Settings(Section):
    """Everything that can be set."""

    redis: RedisSettings
    queue: QueueSettings
    results: ResultSettings
    api: ApiSettings
    webhooks: WebhookSettings
    worker: WorkerSettings
    device: str
    model: str
    models: Mapping[str, ModelSettings]
    conditioning: ConditioningSettings
    fonts: tuple[Path, ...]
    default_style: str
    logging: LoggingSettings
    styles: Mapping[str, StyleDefinition] = Field(exclude=True)
    gpu_profiles: Mapping[str, GPUProfile] = Field(exclude=True)

    @property
    def active_model(self) -> ModelSettings:
        """The checkpoint that `model` names."""
        return self.models[self.model]


def load_settings(environment: Mapping[str, str] | None = None, config: Path = CONFIG) -> Settings:
    """Read the settings.

    Args:
        environment: variables to overlay; None takes the process's own.
        config: folder of the YAML files.

    Raises:
        SettingsError: names the key that is missing, unknown or wrong.
    """
    values = read_yaml(config / "default.yaml")
    for name, text in sorted((os.environ if environment is None else environment).items()):
        if name.startswith(PREFIX) and name not in CLIENT_VARIABLES:
            _overlay(values, name, text)
    try:
        settings = Settings.model_validate(
            {
                **values,
                "styles": load_styles(config / "styles.yaml"),
                "gpu_profiles": read_yaml(config / "gpu_profiles.yaml"),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"setting {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    _check_choice("model", settings.model, settings.models)
    _check_choice("default_style", settings.default_style, settings.styles)
    return settings.model_copy(update={"fonts": tuple(PROJECT / font for font in settings.fonts)})


def _overlay(values: dict[str, Any], name: str, text: str) -> None:
    """Set the key that an environment variable names."""
    *sections, key = name.removeprefix(PREFIX).lower().split(LEVEL_SEPARATOR)
    for section in sections:
        found = values.get(section)
        if not isinstance(found, dict):
            raise SettingsError(f"environment variable {name}: there is no section {section!r}")
        values = found
    if key not in values:
        close = difflib.get_close_matches(key, values, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise SettingsError(f"environment variable {name}: there is no setting {key!r}{hint}")
    values[key] = _parse(name, text)


def _parse(name: str, text: str) -> Any:
    """Return an environment variable's value: null and JSON containers as such, anything else as text for pydantic."""
    if text == "null":
        return None
    if text[:1] not in {"[", "{"}:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"environment variable {name}: is not JSON: {error}") from error


def _check_choice(key: str, value: str, choices: Mapping[str, Any]) -> None:
    if value not in choices:
        raise SettingsError(f"setting {key}: {value!r} is not one of {', '.join(choices)}")
