"""From settings and a device to a warm model for the engine: load, place, tune, warm up."""

import asyncio
import copy
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from diffusers import StableDiffusionXLControlNetUnionPipeline

from shared.errors import ModelLoadError
from shared.schemas import Quality
from shared.settings import PROJECT, Settings, TurboSettings
from worker.engine.denoiser import Denoiser
from worker.engine.float8 import is_supported, narrowed
from worker.engine.model import EngineModel, Networks
from worker.engine.placement import Placement
from worker.engine.solvers import SOLVERS
from worker.gpu_manager import GPUManager
from worker.model_loader import LOAD_ERRORS, ModelLoader

logger = logging.getLogger("ai_models")


def load_model(settings: Settings, gpu: GPUManager) -> EngineModel:
    """Load the active model and make it ready to draw.

    Raises:
        ModelLoadError: names the model and the reason.
    """
    model = settings.active_model
    with gpu.memory_monitor(f"loading model {settings.model}"):
        pipeline = load_pipeline(settings, gpu)
        gpu.optimize_pipeline(pipeline)
        batch_limit = settings.worker.batch_limit or gpu.batch_limit  # of the memory that the weights leave free
        networks = make_networks(pipeline, settings, gpu, batch_limit)
        ready = EngineModel(
            pipeline,
            placement=Placement(gpu.device, offload=gpu.offloads),
            solver=SOLVERS[model.solver],
            networks=networks,
            batch_limit=batch_limit,
            native_size=model.default_size,
        )
    if gpu.profile.torch_compile:
        with gpu.memory_monitor("compiling"):
            ready.warm_up(model.default_size, row_sizes(ready.batch_limit), _log_size)
    return ready


def load_pipeline(settings: Settings, gpu: GPUManager) -> StableDiffusionXLControlNetUnionPipeline:
    """Return the active model as diffusers' pipeline, on the CPU.

    Raises:
        ModelLoadError: names the model and the reason.
    """
    model = settings.active_model
    loader = ModelLoader(model.dtype, gpu.device)

    async def load() -> StableDiffusionXLControlNetUnionPipeline:
        controlnet = None
        if model.controlnet is not None:
            controlnet = (await loader.load_controlnet_models({"union": model.controlnet}))["union"]
        return await loader.load_stable_diffusion_xl(model.base, controlnet=controlnet, vae=model.vae)

    return asyncio.run(load())


def make_networks(pipeline: Any, settings: Settings, gpu: GPUManager, batch_limit: int) -> dict[Quality, Networks]:
    """Return the networks of every quality that the model's settings offer; equal ones are the same object.

    Raises:
        ModelLoadError: turbo's weights cannot be loaded.
    """
    model = settings.active_model
    denoiser = partial(_denoiser, settings=settings, gpu=gpu, batch_limit=batch_limit)
    exact = Networks("as trained", denoiser(pipeline.unet, pipeline.controlnet))
    networks = {Quality.EXACT: exact}
    if Quality.FAST in model.qualities:
        networks[Quality.FAST] = exact
        if model.fast.float8 and is_supported(gpu.device):
            twins = narrowed(pipeline.unet), narrowed(pipeline.controlnet)
            networks[Quality.FAST] = Networks("8-bit linear layers", denoiser(*twins))
    if Quality.TURBO in model.qualities:
        if model.turbo is None:
            raise ModelLoadError(f"models.{settings.model}.qualities lists turbo, but its turbo settings are null")
        spacing = {"timestep_spacing": model.turbo.timestep_spacing}
        unet = with_lora(pipeline, model.turbo)
        networks[Quality.TURBO] = Networks(model.turbo.weight_name, denoiser(unet, pipeline.controlnet), spacing)
    return networks


def with_lora(pipeline: Any, turbo: TurboSettings) -> Any:
    """Return a copy of the UNet with a LoRA's weights merged in.

    Raises:
        ModelLoadError: they cannot be loaded.
    """
    unet = copy.deepcopy(pipeline.unet)
    carrier = type(pipeline)(**{**pipeline.components, "unet": unet})
    folder = PROJECT / turbo.lora
    source = str(folder) if folder.is_dir() else turbo.lora
    try:
        carrier.load_lora_weights(source, weight_name=turbo.weight_name, use_safetensors=True)
        carrier.fuse_lora(components=["unet"])
        carrier.unload_lora_weights()
    except LOAD_ERRORS as error:
        raise ModelLoadError(f"cannot load the LoRA {turbo.weight_name} from {turbo.lora}: {error}") from error
    return unet


def row_sizes(batch_limit: int) -> tuple[int, ...]:
    """Return the numbers of rows to compile for: doubling, up to two rows (guidance) for each picture."""
    most = 2 * batch_limit
    return (*(2**power for power in range(most.bit_length()) if 2**power < most), most)


def _denoiser(unet: Any, controlnet: Any, *, settings: Settings, gpu: GPUManager, batch_limit: int) -> Denoiser:
    if not gpu.profile.torch_compile:
        return Denoiser(unet, controlnet)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(PROJECT / settings.worker.compile_cache))
    compile_network: Callable[..., Any] = partial(torch.compile, dynamic=False)
    return Denoiser(unet, controlnet, row_sizes=row_sizes(batch_limit), compile_network=compile_network)


def _log_size(rows: int, seconds: float) -> None:
    logger.info("networks ready for %d rows: %.1f s", rows, seconds)
