"""Load checkpoints: hub names or local folders in diffusers' layout, in safetensors only."""

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, ControlNetUnionModel, DiffusionPipeline, StableDiffusionXLControlNetUnionPipeline
from safetensors import SafetensorError

from shared.errors import ModelLoadError
from shared.model_folder import folder_faults, local_folder, needs_fp16_files
from worker.cpu_dtype import choose_cpu_dtype
from worker.load_lock import LOAD_LOCK

logger = logging.getLogger("ai_models")

if not sys.stderr.isatty():  # progress bars only clutter a log file
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()

# Raised by diffusers, transformers, safetensors and the hub client for a missing, truncated or incompatible checkpoint.
LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)

# Of the weights that a model's files lack, a message names this many.
NAMED_WEIGHTS = 3

HALF = (torch.float16, torch.bfloat16)


class ModelLoader:
    """Loads the parts of the pipeline in one dtype."""

    def __init__(self, dtype: str, device: torch.device) -> None:
        """Choose the dtype.

        Args:
            dtype: "float32", "float16", "bfloat16", or "auto": float16 on a GPU, the measurably faster one on a CPU.
            device: where the model will run.
        """
        self.dtype: torch.dtype
        if dtype != "auto":
            self.dtype, self.why = getattr(torch, dtype), "as configured"
        elif device.type == "cuda":
            self.dtype, self.why = torch.float16, "on a GPU"
        else:
            self.dtype, self.why = choose_cpu_dtype()
        logger.info("dtype %s: %s", self.dtype, self.why)

    async def load_stable_diffusion_xl(
        self, model_name: str, *, controlnet: ControlNetUnionModel | None = None, vae: str | None = None
    ) -> StableDiffusionXLControlNetUnionPipeline:
        """Return the SDXL + Union ControlNet pipeline, on the CPU.

        Args:
            model_name: a hub name or a local folder.
            controlnet: the loaded ControlNet; None if the folder contains one.
            vae: hub name or folder of a VAE that replaces the model's own.

        Raises:
            ModelLoadError: names the model, the part and the reason.
        """
        return await asyncio.to_thread(self._load_pipeline, model_name, controlnet, vae)

    async def load_controlnet_models(self, model_configs: Mapping[str, str]) -> dict[str, ControlNetUnionModel]:
        """Return ControlNets by the names in ``model_configs`` (name to hub name or local folder).

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
        load = partial(self._load, StableDiffusionXLControlNetUnionPipeline, model_name, **parts)
        is_on_hub = local_folder(model_name) is None
        pipeline = self._load_half(model_name, load) if is_on_hub and self.dtype in HALF else load()
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _load_half(self, model_name: str, load: Callable[..., Any]) -> Any:
        """Load a hub model's fp16 files, which are half the size, or the others if there are none."""
        try:
            return load(variant="fp16")
        except ModelLoadError as error:
            if "variant" not in str(error):
                raise
            logger.info("%s has no fp16 files: %s", model_name, error)
        return load()

    def _load(self, cls: Any, source: str, *, variant: str | None = None, **parts: Any) -> Any:
        """Call ``from_pretrained`` with an explicit dtype.

        Without one, diffusers loads an fp16 folder as fp32 and transformers 5 loads it as fp16, and the call crashes.
        """
        started = time.perf_counter()
        path = local_folder(source)
        if path is not None:
            _check(path, given=parts)
            variant = "fp16" if needs_fp16_files(path, parts, preferred=self.dtype in HALF) else None
        try:
            with LOAD_LOCK:
                model = cls.from_pretrained(
                    path or source, dtype=self.dtype, variant=variant, use_safetensors=True, **parts
                )
        except LOAD_ERRORS as error:
            raise ModelLoadError(f"cannot load {cls.__name__} from {source}: {error}") from error
        if missing := _missing_weights(model):
            named = ", ".join(missing[:NAMED_WEIGHTS]) + (", …" if len(missing) > NAMED_WEIGHTS else "")
            raise ModelLoadError(f"cannot load {cls.__name__} from {source}: its files lack {named}")
        logger.info("loaded %s from %s (%s) in %.1f s", cls.__name__, source, self.dtype, time.perf_counter() - started)
        return model


def _missing_weights(model: Any) -> list[str]:
    """Return the weights that the files lack. diffusers only warns about them, and leaves them without values."""
    parts = model.components if isinstance(model, DiffusionPipeline) else {type(model).__name__: model}
    return [
        f"{part}.{name}"
        for part, module in parts.items()
        if isinstance(module, torch.nn.Module)
        for name, weight in module.named_parameters()
        if weight.is_meta
    ]


def _check(folder: Path, given: Collection[str]) -> None:
    """Check the folder first: diffusers' error messages name neither the missing part nor the incomplete file.

    Raises:
        ModelLoadError: names everything that is wrong.
    """
    if found := folder_faults(folder, replaced=given):
        raise ModelLoadError("; ".join(found))
