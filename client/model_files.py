"""The files of the models: which are needed, whether they are here and whole, and how to fetch them.

Only what the workers load is fetched: safetensors and their configurations, no pickles, no ONNX, no second precision.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client.errors import WritingError
from shared.schemas import Quality
from shared.settings import LEVEL_SEPARATOR, PREFIX, PROJECT, ModelSettings, Settings

# What an SDXL pipeline is made of, besides the VAE and the ControlNet, which the settings may replace.
PIPELINE_PARTS = ("scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet")
TEXT_FILES = ("*.json", "*.txt")
# The names under which diffusers and transformers look for weights, whole or in shards.
WHOLE_OR_SHARDS = tuple(
    f"{name}{shard}.safetensors" for name in ("diffusion_pytorch_model", "model") for shard in ("", "-*-of-*")
)
HEADER_LENGTH = 8  # of a safetensors file: the header's length, little-endian


@dataclass(frozen=True, slots=True)
class Source:
    """A model that the workers load.

    Attributes:
        setting: the path of the setting that names it.
        name: a hub name, or a folder.
        patterns: its files that are loaded.
        replaced: parts of its pipeline that come from another source.
        is_optional: without it only one conditioning method is missing.
    """

    setting: str
    name: str
    patterns: tuple[str, ...]
    replaced: tuple[str, ...] = field(default=())
    is_optional: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.setting.replace(".", LEVEL_SEPARATOR).upper()

    @property
    def folder(self) -> Path | None:
        """The folder that is meant; None for a hub name ("owner/name" that is no folder here)."""
        path = PROJECT / self.name
        is_hub_name = self.name.count("/") == 1 and not self.name.startswith((".", "/", "~"))
        return None if is_hub_name and not path.is_dir() else path


class ModelError(WritingError):
    """A model cannot be fetched."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="model_unavailable", title="A model cannot be fetched.")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of the hub.

    Attributes:
        path: where it lies, or will lie, on this machine.
        size: in bytes; None: the hub does not say.
        is_here: whether it is here already.
    """

    path: Path
    size: int | None
    is_here: bool


def sources(settings: Settings, model_name: str, *, full_precision: bool = False) -> list[Source]:
    """Return what has to be there for a model and the conditioning methods.

    Args:
        settings: their `models` and `conditioning`.
        model_name: a key of `models`.
        full_precision: the 32-bit files, which a CPU computes with, instead of the 16-bit ones.
    """
    model, setting = settings.models[model_name], f"models.{model_name}"
    return [
        _base(model, setting, full_precision=full_precision or model.dtype == "float32"),
        *_replacements(model, setting),
        *_conditioning(settings),
    ]


def verify(folder: Path, replaced: Sequence[str] = ()) -> list[str]:
    """Return what is wrong with a model's folder; [] if it is whole.

    Every part that the index lists is there; every part that has weights has all of them; every configuration is JSON;
    every weight file is as long as its header says.

    Args:
        folder: of a pipeline in diffusers' layout, or of a single model.
        replaced: parts that come from elsewhere.
    """
    if not folder.is_dir():
        return [f"there is no folder {folder}"]
    return [
        *(f"{folder / part}/ is missing, which model_index.json lists" for part in _missing_parts(folder, replaced)),
        *_json_faults(folder),
        *_weight_faults(folder),
    ]


def find(source: Source) -> Path | None:
    """Return where a model lies on this machine, complete as far as the hub's list of files tells; None: nowhere.

    Raises:
        ImportError: huggingface_hub is needed and not installed.
    """
    if source.folder is not None:
        return source.folder if source.folder.is_dir() else None
    from huggingface_hub import snapshot_download  # noqa: PLC0415  # only workers and who fetches have it
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(source.name, allow_patterns=list(source.patterns), local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def listed(source: Source, folder: Path | None = None) -> list[HubFile]:
    """Return a model's files as the hub lists them; nothing is downloaded.

    Args:
        source: a hub name.
        folder: where they will lie; None: in the hub's cache.

    Raises:
        ModelError: the hub does not answer, or has no such model.
        ImportError: huggingface_hub is not installed.
    """
    return [
        HubFile(Path(info.local_path), info.file_size, info.is_cached)
        for info in _download(source, folder, dry_run=True)
    ]


def fetch(source: Source, folder: Path | None = None) -> Path:
    """Download a model, with progress bars; what is here already is kept, half a file is gone on with. Return where.

    Args:
        source: a hub name.
        folder: where to; None: into the hub's cache, where the workers look.

    Raises:
        ModelError: the hub does not answer, or has no such model.
        ImportError: huggingface_hub is not installed.
    """
    return Path(_download(source, folder, dry_run=False))


def size_faults(files: Sequence[HubFile]) -> list[str]:
    """Return the files that are missing, or not as long as the hub says."""
    return [
        f"{file.path} is missing or has not the hub's {file.size} bytes"
        for file in files
        if not file.path.is_file() or file.size not in {None, file.path.stat().st_size}
    ]


def _base(model: ModelSettings, setting: str, *, full_precision: bool) -> Source:
    parts = {"controlnet": model.controlnet, "vae": model.vae}
    own = [*PIPELINE_PARTS, *(part for part, other in parts.items() if other is None)]
    weights = WHOLE_OR_SHARDS if full_precision else ("*.fp16*.safetensors",)
    patterns = [f"{part}/{file}" for part in own for file in (*TEXT_FILES, *weights)]
    replaced = tuple(part for part, other in parts.items() if other is not None)
    return Source(f"{setting}.base", model.base, ("model_index.json", *patterns), replaced)


def _replacements(model: ModelSettings, setting: str) -> Iterator[Source]:
    for part, name in (("controlnet", model.controlnet), ("vae", model.vae)):
        if name is not None:
            yield Source(f"{setting}.{part}", name, ("config.json", "*.index.json", *WHOLE_OR_SHARDS))
    if model.turbo is not None and Quality.TURBO in model.qualities:
        yield Source(f"{setting}.turbo.lora", model.turbo.lora, (model.turbo.weight_name,))


def _conditioning(settings: Settings) -> Iterator[Source]:
    for key, name in settings.conditioning:
        if name is not None:
            yield Source(f"conditioning.{key}", name, ("*.json", "*.safetensors"), is_optional=True)


def _download(source: Source, folder: Path | None, *, dry_run: bool) -> Any:
    import huggingface_hub  # noqa: PLC0415  # only workers and who fetches have it
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled  # noqa: PLC0415

    try:
        return huggingface_hub.snapshot_download(
            source.name, allow_patterns=list(source.patterns), local_dir=folder, dry_run=dry_run
        )
    except (OSError, ValueError, RuntimeError, HfHubHTTPError, OfflineModeIsEnabled) as error:
        cause = error.__cause__ or error
        raise ModelError(
            f"{source.name} cannot be had from the hub: {str(cause).splitlines()[0] or type(cause).__name__}"
        ) from error


def _missing_parts(folder: Path, replaced: Sequence[str]) -> list[str]:
    index = _read_json(folder / "model_index.json")
    if not isinstance(index, dict):
        return []
    parts = [name for name, classes in index.items() if isinstance(classes, list) and classes[:1] != [None]]
    return [part for part in parts if part not in replaced and not (folder / part).is_dir()]


def _json_faults(folder: Path) -> list[str]:
    return [
        f"{path} is no JSON: broken or half-copied" for path in _files(folder, "*.json") if _read_json(path) is None
    ]


def _weight_faults(folder: Path) -> Iterator[str]:
    files = _files(folder, "*.safetensors")
    if not files:
        yield f"{folder} holds no *.safetensors file"
    for path in files:
        if (fault := _safetensors_fault(path)) is not None:
            yield f"{path} {fault}"
    for path in _files(folder, "*.index.json"):
        index = _read_json(path) or {}
        for name in sorted(set(index.get("weight_map", {}).values())):
            if not (path.parent / name).is_file():
                yield f"{path.parent / name} is missing, which {path.name} names"
    for path in _files(folder, "config.json"):
        if not any(path.parent.glob("*.safetensors")):
            yield f"{path.parent} has its config.json, but no *.safetensors file"


def _safetensors_fault(path: Path) -> str | None:
    """Return what is wrong with a weight file, None if it is whole: its header says how long it has to be."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(HEADER_LENGTH))
            size = path.stat().st_size
            if length > size:
                return f"is half-copied: {size} bytes, and its header alone has {length}"
            header = json.loads(file.read(length))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        return f"is no safetensors file ({error})"
    wanted = HEADER_LENGTH + length + max(ends, default=0)
    return None if size == wanted else f"is half-copied: {size} bytes of {wanted}"


def _files(folder: Path, pattern: str) -> list[Path]:
    """Return the folder's files of a kind; what the hub keeps for itself, in hidden folders, is none of them."""
    return [
        path
        for path in sorted(folder.rglob(pattern))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
