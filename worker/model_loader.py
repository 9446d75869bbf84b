"""Load checkpoints: hub names or local folders in diffusers' layout, in safetensors only."""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, ControlNetUnionModel, DiffusionPipeline, StableDiffusionXLControlNetUnionPipeline
from safetensors import SafetensorError
from transformers import CLIPTextModel, CLIPTextModelWithProjection, PreTrainedModel

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

# The pipeline's models of transformers. It fills weights that the files lack at random, so each is loaded on its own:
# only then does it say which it filled.
TEXT_ENCODERS: dict[str, Any] = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}

# Of the weights that a model's files lack, a message names this many.
NAMED_WEIGHTS = 3

HALF = (torch.float16, torch.bfloat16)

# What diffusers and transformers say of a hub's model without files of the variant.
NO_SUCH_FILES = re.compile(r"does not appear to have a file|no such modeling files")


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
        parts |= self._load_text_encoders(model_name, given=parts)
        pipeline = self._load(StableDiffusionXLControlNetUnionPipeline, model_name, **parts)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _load_text_encoders(self, model_name: str, given: Collection[str]) -> dict[str, Any]:
        """Return the text encoders that a model has, by part."""
        path = local_folder(model_name)
        if path is not None:
            _check(path, given)
        try:
            index = StableDiffusionXLControlNetUnionPipeline.load_config(path or model_name)
        except LOAD_ERRORS as error:
            raise ModelLoadError(f"cannot load {model_name}: {error}") from error
        present = [part for part in TEXT_ENCODERS if index.get(part, [None])[0] is not None]
        return {part: self._load(TEXT_ENCODERS[part], model_name, part=part) for part in present}

    def _load(self, cls: Any, source: str, *, part: str | None = None, **given: Any) -> Any:
        """Load a pipeline, a model, or one part of a pipeline.

        A hub's fp16 files, which are half the size, are preferred if the model computes in 16 bits.

        Args:
            cls: a class of diffusers or transformers.
            source: a hub name or a local folder.
            part: the part's folder; None for the whole.
            given: loaded parts that replace the pipeline's own.
        """
        started = time.perf_counter()
        path = local_folder(source)
        if path is not None:
            _check(path / (part or ""), given)
            in_fp16 = needs_fp16_files(path / (part or ""), given, preferred=self.dtype in HALF)
            model = self._load_files(cls, source, part, "fp16" if in_fp16 else None, given)
        elif self.dtype in HALF:
            model = self._load_half(cls, source, part, given)
        else:
            model = self._load_files(cls, source, part, None, given)
        name = cls.__name__ if part is None else f"{cls.__name__} ({part})"
        logger.info("loaded %s from %s (%s) in %.1f s", name, source, self.dtype, time.perf_counter() - started)
        return model

    def _load_half(self, cls: Any, source: str, part: str | None, given: Mapping[str, Any]) -> Any:
        """Load the fp16 files of a hub's model, or the others if there are none."""
        try:
            return self._load_files(cls, source, part, "fp16", given)
        except ModelLoadError as error:
            if NO_SUCH_FILES.search(str(error)) is None:
                raise
            logger.info("%s has no fp16 files: %s", source, error)
        return self._load_files(cls, source, part, None, given)

    def _load_files(
        self, cls: Any, source: str, part: str | None, variant: str | None, given: Mapping[str, Any]
    ) -> Any:
        """Call ``from_pretrained`` with an explicit dtype.

        Without one, diffusers loads an fp16 folder as fp32 and transformers 5 loads it as fp16, and the call crashes.
        """
        options: dict[str, Any] = {"dtype": self.dtype, "variant": variant, "use_safetensors": True, **given}
        if part is not None:
            options["subfolder"] = part
        if issubclass(cls, PreTrainedModel):
            options["output_loading_info"] = True
        try:
            with LOAD_LOCK:
                loaded = cls.from_pretrained(local_folder(source) or source, **options)
        except LOAD_ERRORS as error:
            raise ModelLoadError(f"cannot load {cls.__name__} from {source}: {error}") from error
        model, info = loaded if isinstance(loaded, tuple) else (loaded, {})
        filled = [f"{part or cls.__name__}.{name}" for name in sorted(info.get("missing_keys", ()))]
        if missing := filled + _missing_weights(model):
            named = ", ".join(missing[:NAMED_WEIGHTS]) + (", …" if len(missing) > NAMED_WEIGHTS else "")
            raise ModelLoadError(f"cannot load {cls.__name__} from {source}: its files lack {named}")
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
