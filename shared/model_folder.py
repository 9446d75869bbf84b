"""A model's folder in diffusers' layout: how its name resolves, and whether all files to load exist and are complete.

The module is plain Python, so it also runs without torch and diffusers. Workers check a folder before they load it;
`doctor` and `models fetch` check it without loading.
"""

import json
import struct
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from shared.locations import locate

INDEX = "model_index.json"  # lists a pipeline's parts
# The names under which diffusers and transformers look for weights, whole or in shards.
NAMES = ("diffusion_pytorch_model", "model")
FULL_FILES = tuple(f"{name}{shard}.safetensors" for name in NAMES for shard in ("", "-*-of-*"))
FP16_FILES = tuple(f"{name}{kind}.safetensors" for name in NAMES for kind in (".fp16", ".fp16-*-of-*", "-*-of-*.fp16"))
TOKENIZER = "tokenizer"  # what the names of a pipeline's tokenizers begin with
VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"))  # the files of which one group is needed
HEADER_LENGTH = 8  # of a safetensors file: the header's length, little-endian


def local_folder(name: str) -> Path | None:
    """Return the folder that a name refers to; None if it is a hub's "owner/name".

    Relative names are resolved by `locate`. The folder need not exist.
    """
    path = locate(name)
    is_hub_name = name.count("/") == 1 and not name.startswith((".", "/", "~"))
    return None if is_hub_name and not path.is_dir() else path


def folder_faults(folder: Path, replaced: Collection[str] = ()) -> list[str]:
    """Return what is wrong with a model's folder, each fault beginning with its file; [] if the folder is complete.

    Check that every part listed in the index exists and has a configuration, that every tokenizer has its vocabulary,
    that every part with weights has all of them, that every configuration is JSON, and that every weight file is as
    long as its header says. Other files are ignored.

    Args:
        folder: the folder of a pipeline or of a single model.
        replaced: parts of the pipeline that come from elsewhere.
    """
    if not folder.is_dir():
        return [f"there is no folder {folder}"]
    if not (folder / INDEX).exists():
        return list(_part_faults(folder)) if any(folder.glob("*.safetensors")) else [_no_weights(folder)]
    if not isinstance(_read_json(folder / INDEX), dict):
        return [f"{folder / INDEX} is not a JSON object; it is damaged or incomplete"]
    parts = model_parts(folder, replaced)
    if not any(file for part in parts for file in part.glob("*.safetensors")):
        return [_no_weights(folder)]
    return [fault for part in parts for fault in (*_part_faults(part), *_missing_files(part))]


def model_parts(folder: Path, replaced: Collection[str] = ()) -> list[Path]:
    """Return the folders of a model's parts: those that its index lists, or the folder itself if it has no index.

    Args:
        folder: the folder of a pipeline or of a single model; an index is a JSON object.
        replaced: parts of the pipeline that come from elsewhere.
    """
    if not (folder / INDEX).exists():
        return [folder]
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    listed = [name for name, classes in index.items() if isinstance(classes, list) and classes[:1] != [None]]
    return [folder / name for name in listed if name not in replaced]


def needs_fp16_files(folder: Path, replaced: Collection[str] = (), *, preferred: bool) -> bool:
    """Return whether a model's fp16 files are to be loaded: if preferred and present, or if a part has no others.

    Args:
        folder: as in `model_parts`.
        replaced: as in `model_parts`.
        preferred: whether fp16 files are preferred to others.
    """
    in_fp16 = [part for part in model_parts(folder, replaced) if _has_any(part, FP16_FILES)]
    return any(preferred or not _has_any(part, FULL_FILES) for part in in_fp16)


def _has_any(folder: Path, names: Iterable[str]) -> bool:
    return any(file for name in names for file in folder.glob(name))


def _no_weights(folder: Path) -> str:
    return f"{folder} contains no *.safetensors file"


def _part_faults(part: Path) -> Iterator[str]:
    if not part.is_dir():
        yield f"{part}/ is missing, although {INDEX} lists it"
        return
    for path in sorted(part.glob("*.json")):
        if _read_json(path) is None:
            yield f"{path} is not valid JSON; it is damaged or incomplete"
    weights = sorted(part.glob("*.safetensors"))
    if not weights and (part / "config.json").is_file():
        yield f"{part}/ has a config.json but no *.safetensors file"
    for path in weights:
        if (fault := _safetensors_fault(path)) is not None:
            yield f"{path} {fault}"
    yield from _missing_shards(part, {path.name for path in weights})


def _missing_files(part: Path) -> Iterator[str]:
    """Yield what a pipeline's part lacks besides weights."""
    if not part.is_dir():
        return
    if not any(part.glob("*config.json")):
        yield f"{part}/ contains no *config.json file"
    # Without one, transformers loads a tokenizer that knows no word, and pictures ignore their prompts.
    if part.name.startswith(TOKENIZER) and not any(_has_all(part, names) for names in VOCABULARIES):
        yield f"{part}/ contains no vocabulary: neither {' nor '.join(' with '.join(names) for names in VOCABULARIES)}"


def _has_all(folder: Path, names: Iterable[str]) -> bool:
    return all((folder / name).is_file() for name in names)


def _missing_shards(part: Path, present: set[str]) -> Iterator[str]:
    """Yield the shards that an index names and that are missing.

    An index without any of its shards belongs to another precision, which was not fetched.
    """
    for path in sorted(part.glob("*.index*.json")):
        index = _read_json(path)
        shards = set(index.get("weight_map", {}).values()) if isinstance(index, dict) else set()
        if shards & present:
            yield from (f"{part / name} is missing, although {path.name} lists it" for name in sorted(shards - present))


def _safetensors_fault(path: Path) -> str | None:
    """Return what is wrong with a weight file, judged by the length in its header; None if it is complete."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(HEADER_LENGTH))
            size = path.stat().st_size
            if length > size:
                return f"is damaged or incomplete: it has {size} bytes, and its header alone should have {length}"
            header = json.loads(file.read(length))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        return f"is not a safetensors file ({error})"
    wanted = HEADER_LENGTH + length + max(ends, default=0)
    return None if size == wanted else f"is damaged or incomplete: it has {size} of {wanted} bytes"


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
