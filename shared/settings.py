"""Settings: ``config/default.yaml`` overlaid by ``WRITING_…`` environment variables, frozen, read once."""

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from shared.errors import SettingsError
from shared.locations import CONFIG_VARIABLE, config_file, locate, own_config
from shared.schemas import SIDE_LIMITS, Quality
from shared.setting_types import Host, Key, Name, Origin, Phrase, Receiver, RedisUrl, WebhookSecret, key_names
from shared.styles import StyleDefinition, load_styles, read_yaml

PREFIX = "WRITING_"
LEVEL_SEPARATOR = "__"
# What the client and `shared.locations` read from the same environment.
OTHER_VARIABLES = frozenset({"WRITING_URL", "WRITING_API_KEY", CONFIG_VARIABLE})
# `redis.prefix`: before every key of ours, of Celery's and of the rate limit's. A process has one for all of its life.
# It is read here, once, for keys are put together as modules are loaded.
NAMESPACE = os.environ.get("WRITING_REDIS__PREFIX", "")
# What an address of Redis may say of TLS: what holds anyway.
VERIFIED = (("ssl_cert_reqs", "required"), ("ssl_cert_reqs", "CERT_REQUIRED"))

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
S = TypeVar("S", bound=BaseModel)


class Section(BaseModel):
    """Base of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class RedisSettings(Section):
    """Broker, result backend and job records.

    Attributes:
        url: `redis://…`, or `rediss://…` for TLS, which is always verified.
        timeout_s: connecting, and waiting for an answer.
        ca_file: PEM of the CA that has signed Redis's certificate, besides the system's; null: the system's alone.
        cert_file, key_file: PEM of our own certificate and its key, for a Redis that asks for one.
        prefix: before every key, so that several deployments can share a database; from the environment alone.
    """

    url: RedisUrl
    timeout_s: Seconds
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{1,40}[:_.-])?$")]

    @property
    def uses_tls(self) -> bool:
        """Whether the way to Redis is encrypted."""
        return self.url.startswith("rediss://")

    @field_validator("url")
    @classmethod
    def _refuse_tls_options(cls, url: str) -> str:
        """Take no word on TLS from the address, where `ssl_cert_reqs=none` would switch verification off."""
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError("0 is no port")
        options = parse_qsl(parts.query, keep_blank_values=True)
        kept = [pair for pair in options if pair not in VERIFIED]
        named = [name for name, _ in kept if name.lower().startswith("ssl")]
        if named:
            raise ValueError(
                f"leave {named[0]} out: TLS is always verified; files are named in redis.ca_file, cert_file, key_file"
            )
        return urlunsplit(parts._replace(query=urlencode(kept)))

    @field_validator("prefix")
    @classmethod
    def _is_the_process_s(cls, prefix: str) -> str:
        if prefix != NAMESPACE:
            raise ValueError("it is read as the process starts: set it by the environment's WRITING_REDIS__PREFIX")
        return prefix

    @model_validator(mode="after")
    def _need_tls_for_its_files(self) -> Self:
        for name in ("ca_file", "cert_file", "key_file"):
            if getattr(self, name) is not None and not self.uses_tls:
                raise ValueError(f"redis.{name} is set, but redis.url is not encrypted; give it as rediss://…")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("redis.key_file is set without redis.cert_file")
        return self


class QueueSettings(Section):
    """Limits and lifetimes of jobs."""

    limit: Count
    bulk_limit: Count
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

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)]
    processes: Count
    connections: Count
    max_body_bytes: Count
    max_list_bytes: Count
    receive_s: Seconds
    keys: tuple[Key, ...]
    operators: tuple[str, ...]
    allow_anonymous: bool
    allowed_hosts: tuple[Host, ...]
    cors_origins: tuple[Origin, ...]
    rate_limit: str | None
    blocked_words: tuple[Phrase, ...]

    @field_validator("keys")
    @classmethod
    def _keys_differ(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        names = key_names(keys)
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two are called {twice!r}")
        if len({entry.split(":")[1] for entry in keys}) < len(keys):
            raise ValueError("one key has two names")
        return keys

    @field_validator("operators")
    @classmethod
    def _operators_have_keys(cls, operators: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        names = key_names(info.data.get("keys", ()))
        unknown = next((name for name in operators if name not in names), None)
        if unknown is not None:
            raise ValueError(f"{unknown!r} is the name of no key; there is {', '.join(names) or 'none'}")
        return operators

    @field_validator("cors_origins")
    @classmethod
    def _not_all_without_keys(cls, origins: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "*" in origins and not info.data.get("keys"):
            raise ValueError("with * every page may call, which needs keys")
        return origins


class WorkerSettings(Section):
    """A worker process.

    Attributes:
        picture_processes: how many processes do what a picture needs on the CPU; 0: threads do; null: by the device.
    """

    load_at_start: bool
    concurrency: Count | None
    heartbeat_s: Seconds
    stale_after_s: Seconds
    gpu_locks: Path | None
    poll_s: Seconds
    drain_s: Annotated[float, Field(ge=0)]
    batch_limit: Count | None
    reproducible: bool
    compile_cache: Path
    picture_processes: Annotated[int, Field(ge=0, le=64)] | None


class FastSettings(Section):
    """What `quality: fast` leaves out.

    Attributes:
        guidance_end: share of the steps after which guidance stops, which halves the work of those that follow.
        cache_interval: every so many steps the networks compute in full; in the steps between, the UNet's outermost
            level alone; 1: every step in full.
        float8: compute linear layers in 8 bits where the card can; a second set of their weights is then held.
    """

    guidance_end: Annotated[float, Field(gt=0, le=1)]
    cache_interval: Annotated[int, Field(ge=1, le=5)]
    float8: bool


class TurboSettings(Section):
    """The few-step weights of `quality: turbo`.

    Attributes:
        lora: hub name or folder of a LoRA for the UNet.
        weight_name: its file.
        num_inference_steps, guidance_scale: what it was distilled for; a request's own values go before.
        timestep_spacing: likewise.
    """

    lora: Name
    weight_name: Name
    num_inference_steps: Count
    guidance_scale: Annotated[float, Field(ge=1)]
    timestep_spacing: Literal["linspace", "leading", "trailing"]


class ModelSettings(Section):
    """A checkpoint and the parameters it works best with.

    Attributes:
        draw_imagery: whether the maps hold motifs where a request leaves it open.
    """

    base: Name
    controlnet: Name | None
    vae: Name | None
    dtype: Literal["auto", "float32", "float16", "bfloat16"]
    default_size: Annotated[int, Field(**SIDE_LIMITS)]  # an environment variable is text, so not strict
    num_inference_steps: Count
    guidance_scale: Annotated[float, Field(ge=1)]
    negative_prompt: str | None
    draw_imagery: bool
    solver: Literal["euler", "euler_ancestral", "dpmpp_2m_karras"]
    qualities: tuple[Quality, ...]
    fast: FastSettings
    turbo: TurboSettings | None


class ConditioningSettings(Section):
    """The models of the two AI methods: hub names or local folders; null: the method is not available."""

    depth_model: Name | None
    segmentation_model: Name | None


class LoggingSettings(Section):
    """How much is logged, and in which form."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    format: Literal["text", "json"]


class WebhookSettings(Section):
    """Who may be told of a job's end, and how.

    Attributes:
        allowed_hosts: names or addresses alone; kept in lower case and in ASCII.
        secret: with which receivers verify what comes.
        attempts: of one delivery.
        first_pause_s: before the second attempt; each further pause is four times as long.
        timeout_s: for a whole delivery, from the name server to the answer.
        allow_private: http and private addresses too.
    """

    allowed_hosts: tuple[Receiver, ...]
    secret: WebhookSecret | None = Field(repr=False)
    attempts: Count
    first_pause_s: Seconds
    timeout_s: Seconds
    allow_private: bool

    @property
    def claim_s(self) -> float:
        """How long a worker has a webhook for itself: well beyond the longest delivery."""
        return 6 * self.timeout_s

    @model_validator(mode="after")
    def _sign_what_is_sent(self) -> Self:
        if self.allowed_hosts and self.secret is None:
            raise ValueError(
                "webhooks.allowed_hosts is set, but webhooks.secret is not: receivers could not know who calls; "
                "set it by WRITING_WEBHOOKS__SECRET"
            )
        return self


class GPUProfile(Section):
    """How a pipeline is sized on a class of devices (``config/gpu_profiles.yaml``).

    Attributes:
        min_memory_gb: nominal memory from which the profile holds; null for machines without GPU.
        batch_min: images in one batch, whatever the free memory.
        batch_max: images in one batch, if the free memory allows.
        torch_compile: compile UNet, ControlNet and VAE, where a compiler is found.
        cpu_offload: keep the parts that a job needs once in the machine's memory, where not everything fits.
    """

    min_memory_gb: float | None
    batch_min: Count
    batch_max: Count
    torch_compile: bool
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

    @model_validator(mode="after")
    def _silence_is_longer_than_a_beat(self) -> Self:
        for path, silent_s in (
            ("worker.stale_after_s", self.worker.stale_after_s),
            ("queue.lease_s", self.queue.lease_s),
        ):
            if silent_s <= self.worker.heartbeat_s:
                raise ValueError(
                    f"{path}: {silent_s:g} is not more than worker.heartbeat_s: all workers would count as gone"
                )
        return self

    @property
    def active_model(self) -> ModelSettings:
        """The checkpoint that `model` names."""
        return self.models[self.model]


def load_settings(environment: Mapping[str, str] | None = None, config: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: variables to overlay; None takes the process's own.
        config: folder with YAML files that replace those of the same name; None takes ``WRITING_CONFIG``'s, if any.

    Raises:
        SettingsError: names the key that is missing, unknown or wrong.
    """
    folder = config or own_config(environment)
    values = read_yaml(config_file("default.yaml", folder))
    for name, text in sorted((os.environ if environment is None else environment).items()):
        if name.upper().startswith(PREFIX) and name not in OTHER_VARIABLES:
            _overlay(values, name, text)
    styles = load_styles(config_file("styles.yaml", folder))
    gpu_profiles = read_yaml(config_file("gpu_profiles.yaml", folder))
    settings = checked(Settings, {**values, "styles": styles, "gpu_profiles": gpu_profiles})
    _check_choice("model", settings.model, settings.models)
    _check_choice("default_style", settings.default_style, settings.styles)
    return settings.model_copy(update={"fonts": tuple(map(locate, settings.fonts))})


def checked(kind: type[S], values: Mapping[str, Any], path: str = "") -> S:
    """Return a section by its values.

    Args:
        kind: its class.
        values: by name.
        path: where it stands, e.g. "api".

    Raises:
        SettingsError: names the first setting that is wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, (path, *first["loc"]) if path else first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"setting {place}: {reason}" if place else f"setting {reason}") from error


def _overlay(values: dict[str, Any], name: str, text: str) -> None:
    """Set the key that an environment variable names."""
    if name != name.upper():
        raise SettingsError(f"environment variable {name}: is not in capitals")
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
