"""The model files: which are needed, where they are, and how to fetch them.

Only what the workers load is fetched: safetensors and their configurations, without pickles, ONNX or a second
precision.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shared.model_folder import FP16_FILES, FULL_FILES, local_folder
from shared.schemas import Quality
from shared.settings import LEVEL_SEPARATOR, PREFIX, ModelSettings, Settings

# The parts of an SDXL pipeline, except the VAE and the ControlNet, which the settings may replace.
PIPELINE_PARTS = ("scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet")
TEXT_FILES = ("*.json", "*.txt")


@dataclass(frozen=True, slots=True)
class Source:
    """A model that the workers load.

    Attributes:
        setting: the path of the setting that names it.
        name: a hub name or a folder.
        patterns: the files that are loaded.
        fallbacks: the files for each part whose weights in `patterns` are not on the hub.
        replaced: parts of its pipeline that come from another source.
        is_optional: whether only one conditioning method depends on it.
    """

    setting: str
    name: str
    patterns: tuple[str, ...]
    fallbacks: tuple[str, ...] = field(default=())
    replaced: tuple[str, ...] = field(default=())
    is_optional: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.setting.replace(".", LEVEL_SEPARATOR).upper()

    @property
    def folder(self) -> Path | None:
        """The folder that the name refers to; None for a hub name."""
        return local_folder(self.name)


class ModelError(Exception):
    """A model cannot be fetched."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file on the hub.

    Attributes:
        path: its present or future path on this machine.
        size: in bytes; None if the hub does not report it.
        is_here: whether it is already on this machine.
    """

    path: Path
    size: int | None
    is_here: bool


def sources(settings: Settings, model_name: str, *, full_precision: bool = False) -> list[Source]:
    """Return the sources required by a model and the conditioning methods.

    Args:
        settings: the settings; `models` and `conditioning` are used.
        model_name: a key of `models`.
        full_precision: require the 32-bit files, which a CPU computes with, instead of the 16-bit ones.
    """
    model, setting = settings.models[model_name], f"models.{model_name}"
    return [
        _base(model, setting, full_precision=full_precision or model.dtype == "float32"),
        *_replacements(model, setting),
        *_conditioning(settings),
    ]


def find(source: Source) -> Path | None:
    """Return a model's path on this machine if it is complete by the hub's list of files, else None.

    Raises:
        ImportError: huggingface_hub is needed and not installed.
    """
    if source.folder is not None:
        return source.folder if source.folder.is_dir() else None
    from huggingface_hub import snapshot_download  # noqa: PLC0415  # installed only where models are loaded or fetched
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(source.name, allow_patterns=list(source.patterns), local_files_only=True))
    except (LocalEntryNotFoundError, RuntimeError):  # RuntimeError: a user without a home folder has no cache
        return None


def listed(source: Source, folder: Path | None = None) -> list[HubFile]:
    """Return a model's files as the hub lists them. Nothing is downloaded.

    Args:
        source: a hub name.
        folder: the target folder; None for the hub's cache.

    Raises:
        ModelError: the hub does not answer, or has no such model.
        ImportError: huggingface_hub is not installed.
    """
    return [
        HubFile(Path(info.local_path), info.file_size, info.is_cached)
        for info in _download(_available(source, folder), folder, dry_run=True)
    ]


def fetch(source: Source, folder: Path | None = None) -> Path:
    """Download a model with progress bars, resuming partial files, and return its path. Existing files are kept.

    Args:
        source: a hub name.
        folder: the target folder; None for the hub's cache, where the workers look.

    Raises:
        ModelError: the hub does not answer, or has no such model.
        ImportError: huggingface_hub is not installed.
    """
    return Path(_download(_available(source, folder), folder, dry_run=False))


def size_faults(files: Sequence[HubFile]) -> list[str]:
    """Return the files that are missing or whose size differs from the hub's."""
    return [
        f"{file.path} is missing or does not have the {file.size} bytes that the hub gives"
        for file in files
        if not file.path.is_file() or file.size not in {None, file.path.stat().st_size}
    ]


def _base(model: ModelSettings, setting: str, *, full_precision: bool) -> Source:
    parts = {"controlnet": model.controlnet, "vae": model.vae}
    own = [*PIPELINE_PARTS, *(part for part, other in parts.items() if other is None)]
    full = tuple(f"{part}/{file}" for part in own for file in FULL_FILES)
    half = tuple(f"{part}/{file}" for part in own for file in FP16_FILES)
    texts = (f"{part}/{file}" for part in own for file in TEXT_FILES)
    return Source(
        f"{setting}.base",
        model.base,
        ("model_index.json", *texts, *(full if full_precision else half)),
        fallbacks=() if full_precision else full,
        replaced=tuple(part for part, other in parts.items() if other is not None),
    )


def _replacements(model: ModelSettings, setting: str) -> Iterator[Source]:
    for part, name in (("controlnet", model.controlnet), ("vae", model.vae)):
        if name is not None:
            yield Source(f"{setting}.{part}", name, ("config.json", "*.index.json", *FULL_FILES))
    if model.turbo is not None and Quality.TURBO in model.qualities:
        yield Source(f"{setting}.turbo.lora", model.turbo.lora, (model.turbo.weight_name,))


def _conditioning(settings: Settings) -> Iterator[Source]:
    for key, name in settings.conditioning:
        if name is not None:
            yield Source(f"conditioning.{key}", name, ("*.json", "*.safetensors"), is_optional=True)


def _available(source: Source, folder: Path | None) -> Source:
    """Return a source with the fallbacks that it needs: many checkpoints lack 16-bit files for some or all parts."""
    if not source.fallbacks:
        return source
    try:
        files = [Path(info.filename) for info in _download(source, folder, dry_run=True)]
    except ModelError:  # without a network, use what is on this machine
        return source
    parts = {file.parts[0] for file in files if file.suffix == ".safetensors"}
    needed = [pattern for pattern in source.fallbacks if pattern.partition("/")[0] not in parts]
    return replace(source, patterns=(*source.patterns, *needed), fallbacks=())


def _download(source: Source, folder: Path | None, *, dry_run: bool) -> Any:
    import huggingface_hub  # noqa: PLC0415  # installed only where models are loaded or fetched
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled  # noqa: PLC0415

    try:
        return huggingface_hub.snapshot_download(
            source.name, allow_patterns=list(source.patterns), local_dir=folder, dry_run=dry_run
        )
    except (OSError, ValueError, RuntimeError, HfHubHTTPError, OfflineModeIsEnabled) as error:
        cause = error.__cause__ or error
        raise ModelError(
            f"{source.name} cannot be fetched from the hub: {str(cause).splitlines()[0] or type(cause).__name__}"
        ) from error
