"""Load checkpoints: hub names or local folders in diffusers' layout, safetensors only."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, ControlNetUnionModel, StableDiffusionXLControlNetUnionPipeline
from safetensors import SafetensorError, safe_open

from shared.errors import ModelLoadError
from shared.settings import PROJECT

logger = logging.getLogger("ai_models")

if not sys.stderr.isatty():  # progress bars are for people; in a log file they are noise
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()

# What diffusers, transformers, safetensors and the hub client raise for a missing, truncated or foreign checkpoint.
LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)

HALF = (torch.float16, torch.bfloat16)


class ModelLoader:
    """Loads the parts of the pipeline in one dtype."""

    def __init__(self, dtype: str, device: torch.device) -> None:
        """Choose the dtype.

        Args:
            dtype: "float32", "float16", "bfloat16", or "auto": float16 on a GPU, float32 on a CPU.
            device: where the model will run.
        """
        automatic = "float16" if device.type == "cuda" else "float32"
        self.dtype: torch.dtype = getattr(torch, automatic if dtype == "auto" else dtype)

    async def load_stable_diffusion_xl(
        self, model_name: str, *, controlnet: ControlNetUnionModel | None = None, vae: str | None = None
    ) -> StableDiffusionXLControlNetUnionPipeline:
        """Return the SDXL + Union ControlNet pipeline, on the CPU.

        Args:
            model_name: a hub name or a local folder.
            controlnet: the loaded ControlNet; None: the folder has its own.
            vae: hub name or folder of another VAE than the model's own.

        Raises:
            ModelLoadError: names the model, the part and the reason.
        """
        return await asyncio.to_thread(self._load_pipeline, model_name, controlnet, vae)

    async def load_controlnet_models(self, model_configs: Mapping[str, str]) -> dict[str, ControlNetUnionModel]:
        """Return ControlNets by the names of ``model_configs`` (name to hub name or local folder).

        Raises:
            ModelLoadError: names the model and the reason.
        """
        return {
            name: await asyncio.to_thread(self._load, ControlNetUnionModel, source)
            for name, source in model_configs.items()
        }

    def _load_pipeline(
        self, model_name: str, controlnet: ControlNetUnionModel | None, vae: str | None
    ) -> StableDiffusionXLControlNetUnionPipeline:
        parts: dict[str, Any] = {}
        if controlnet is not None:
            parts["controlnet"] = controlnet
        if vae is not None:
            parts["vae"] = self._load(AutoencoderKL, vae)
        if self.dtype in HALF and _has_fp16_variant(model_name):
            parts["variant"] = "fp16"
        pipeline = self._load(StableDiffusionXLControlNetUnionPipeline, model_name, **parts)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _load(self, cls: Any, source: str, **parts: Any) -> Any:
        """Call ``from_pretrained`` with an explicit dtype.

        Without one, an fp16 folder loads as fp32 in diffusers and as fp16 in transformers 5, and the call crashes.
        """
        started = time.perf_counter()
        path = _local_folder(source)
        if path is not None:
            _check_folder(path, given=parts)
        try:
            model = cls.from_pretrained(path or source, dtype=self.dtype, use_safetensors=True, **parts)
        except LOAD_ERRORS as error:
            raise ModelLoadError(f"cannot load {cls.__name__} from {source}: {error}") from error
        logger.info("loaded %s from %s (%s) in %.1f s", cls.__name__, source, self.dtype, time.perf_counter() - started)
        return model


def _local_folder(source: str) -> Path | None:
    """Return the folder that a name means, relative ones from the project's folder; None for a hub name."""
    path = PROJECT / source
    if path.is_dir():
        return path
    # A hub name is "owner/name"; anything else was meant as a folder.
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise ModelLoadError(f"model folder not found: {path}")
    return None


def _check_folder(folder: Path, given: Mapping[str, Any]) -> None:
    """Check that a pipeline's folder has its parts, and read every weight file's header.

    diffusers' own messages name neither the missing part nor the half-copied file.

    Raises:
        ModelLoadError: a part is missing, a file is no whole safetensors file, or there is none.
    """
    for part in _parts(folder):
        if part not in given and not (folder / part).is_dir():
            raise ModelLoadError(f"{folder} lacks its part {part}/, which model_index.json lists")
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise ModelLoadError(f"{folder} holds no *.safetensors file")
    for file in files:
        try:
            with safe_open(file, framework="pt"):
                pass
        except (OSError, SafetensorError) as error:
            raise ModelLoadError(f"{file} is broken or half-copied: {error}") from error


def _parts(folder: Path) -> list[str]:
    """Return the parts that a pipeline's model_index.json lists; none for the folder of a single model."""
    index = folder / "model_index.json"
    if not index.is_file():
        return []
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))
        return [name for name, classes in listed.items() if isinstance(classes, list) and classes[0] is not None]
    except (ValueError, AttributeError) as error:
        raise ModelLoadError(f"{index} is broken: {error}") from error


def _has_fp16_variant(source: str) -> bool:
    """Return whether to ask for the fp16 files: always on the hub (SDXL has them), in a folder if they are there."""
    folder = _local_folder(source)
    return folder is None or any(folder.glob("unet/*.fp16.safetensors"))
