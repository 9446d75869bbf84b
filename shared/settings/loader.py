"""All settings, and the functions that read them."""

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from shared.errors import SettingsError
from shared.locations import CONFIG_VARIABLE, config_file, locate, own_config
from shared.settings.base import Section, checked
from shared.settings.http import ApiSettings, WebhookSettings
from shared.settings.model import ConditioningSettings, ModelSettings
from shared.settings.storage import QueueSettings, RedisSettings, ResultSettings
from shared.settings.values import Device, FilePath
from shared.settings.worker import GPUProfile, LoggingSettings, WorkerSettings
from shared.styles import StyleDefinition, load_styles
from shared.yaml_file import read_yaml

PREFIX = "WRITING_"
LEVEL_SEPARATOR = "__"
# Variables that the client and `shared.locations` read from the same environment.
OTHER_VARIABLES = frozenset({"WRITING_URL", "WRITING_API_KEY", CONFIG_VARIABLE})


class Settings(Section):
    """Everything that can be set."""

    redis: RedisSettings
    queue: QueueSettings
    results: ResultSettings
    api: ApiSettings
    webhooks: WebhookSettings
    worker: WorkerSettings
    device: Device
    model: str
    models: Mapping[str, ModelSettings]
    conditioning: ConditioningSettings
    fonts: tuple[FilePath, ...]
    recognisers: tuple[FilePath, ...]
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
                    f"{path}: {silent_s:g} is not greater than worker.heartbeat_s, so all workers would count as gone"
                )
        return self

    @property
    def active_model(self) -> ModelSettings:
        """The checkpoint that `model` names."""
        return self.models[self.model]


def load_settings(environment: Mapping[str, str] | None = None, config: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: variables to overlay; None for the process's own.
        config: folder with YAML files that replace those of the same name; None for ``WRITING_CONFIG``'s, if any.

    Raises:
        SettingsError: a key is missing, unknown or wrong; names the key.
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
    _check_defaults(settings)
    files = {"fonts": settings.fonts, "recognisers": settings.recognisers}
    return settings.model_copy(update={name: tuple(map(locate, paths)) for name, paths in files.items()})


def _overlay(values: dict[str, Any], name: str, text: str) -> None:
    """Set the key that an environment variable names."""
    if name != name.upper():
        raise SettingsError(f"environment variable {name}: must be in capitals")
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
    values[key] = _parse(name, text, values[key])


def _parse(name: str, text: str, default: Any) -> Any:
    """Return an environment variable's value: null and JSON containers parsed, anything else as text for pydantic."""
    if text == "null":
        return None
    # The address [::1] is no list: only what is not text by default may be JSON.
    if isinstance(default, str) or text[:1] not in {"[", "{"}:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"environment variable {name}: is not valid JSON: {error}") from error


def _check_defaults(settings: Settings) -> None:
    """Refuse limits that a request exceeds which names neither a size nor steps."""
    api, model, path = settings.api, settings.active_model, f"models.{settings.model}"
    for limit, most, default, value in (
        ("max_side", api.max_side, "default_size", model.default_size),
        ("max_steps", api.max_steps, "num_inference_steps", model.num_inference_steps),
    ):
        if value > most:
            raise SettingsError(f"setting api.{limit}: {most} is less than {path}.{default}, which is {value}")


def _check_choice(key: str, value: str, choices: Mapping[str, Any]) -> None:
    if value not in choices:
        raise SettingsError(f"setting {key}: {value!r} is not one of {', '.join(choices)}")
