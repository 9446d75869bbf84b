"""From settings and a device to a warm model for the engine: load, place, tune, warm up."""

import asyncio
import copy
import logging
from dataclasses import replace
from functools import partial
from typing import Any

from diffusers import StableDiffusionXLControlNetUnionPipeline

from shared.errors import ModelLoadError
from shared.gpu_profiles import GIB
from shared.locations import locate
from shared.schemas import Quality
from shared.settings import Settings, TurboSettings
from worker import memory_plan
from worker.compilation import (
    answer_after,
    compile_model,
    do_without,
    note_start,
    start_processes,
    try_compiler,
)
from worker.engine import compiler, float8
from worker.engine.checkpoint_kind import unsupported_parts
from worker.engine.compile_processes import CompileProcesses
from worker.engine.decoder import upcast_if_overflowing
from worker.engine.denoiser import Denoiser, call_directly
from worker.engine.faults import Fault, attempt, free_memory
from worker.engine.float8 import float8_bytes, to_float8
from worker.engine.model_runner import ModelRunner, Networks
from worker.engine.placement import Placement
from worker.engine.solvers import SOLVERS
from worker.engine.step_graphs import CudaRecorder, StepGraphs
from worker.engine.unet import is_divisible
from worker.gpu_manager import GPUManager
from worker.load_lock import LOAD_LOCK
from worker.model_loader import LOAD_ERRORS, ModelLoader
from worker.model_setup import Answer, Setup, is_on

logger = logging.getLogger("ai_models")

NO_GPU = Answer(False, "no GPU")


def load_model(settings: Settings, gpu: GPUManager) -> ModelRunner:
    """Load the active model and prepare it. Call it in the thread that will draw.

    Raises:
        ModelLoadError: names the model and the reason.
        DeviceLost: the device has failed.
    """
    Placement(gpu.device).enter_first()
    with start_processes(settings, gpu) as processes:
        with gpu.memory_monitor(f"loading model {settings.model}"):
            loader = ModelLoader(settings.active_model.dtype, gpu.device)
            pipeline = load_pipeline(settings, loader)
        return make_ready(pipeline, settings, gpu, loader.why, processes)


def make_ready(
    pipeline: Any, settings: Settings, gpu: GPUManager, why_dtype: str, processes: CompileProcesses | None = None
) -> ModelRunner:
    """Place a loaded pipeline on the device, choose options that fit, and compile it. Call it in the drawing thread.

    Args:
        pipeline: diffusers' SDXL + Union ControlNet pipeline.
        settings: of the service.
        gpu: the device.
        why_dtype: why its weights have their dtype, for the status.
        processes: will compile its blocks; None if they need not.

    Raises:
        ModelLoadError: the engine cannot draw with this kind of checkpoint, or turbo's weights cannot be loaded.
        DeviceLost: the device has failed.
    """
    model = settings.active_model
    if reasons := unsupported_parts(pipeline, SOLVERS[model.solver]):
        raise ModelLoadError(f"{model.base} cannot be used: {'; '.join(reasons)}")
    upcast_if_overflowing(pipeline.vae)  # before memory is planned
    with gpu.memory_monitor("placing the model"):
        ready, setup = place(pipeline, settings, gpu)
    setup = replace(setup, dtype=f"{setup.dtype}: {why_dtype}")
    uses_cache = Quality.FAST in ready.networks and model.fast.cache_interval > 1
    if is_on(setup.torch_compile):
        with gpu.memory_monitor("compiling"):
            before = compiler.graphs()
            setup = compile_model(ready, setup, processes, uses_cache=uses_cache)
            note_start(settings, gpu, setup, compiled=compiler.graphs() - before)
    if gpu.is_gpu and not is_on(setup.torch_compile):
        with gpu.memory_monitor("first steps"):
            take_first_steps(ready, uses_cache=uses_cache)
    ready.setup = replace(setup, cuda_graphs=try_graphs(ready, gpu, uses_cache=uses_cache))
    logger.info("setup: %s", ready.setup.texts())
    return ready


def place(pipeline: Any, settings: Settings, gpu: GPUManager) -> tuple[ModelRunner, Setup]:
    """Place a pipeline on the device, and take it apart; return it with what can be enabled.

    Raises:
        ModelLoadError: as `make_networks`.
    """
    setup = gpu.optimize_pipeline(pipeline)
    can_compile = try_compiler(settings, gpu)
    networks, float8 = make_networks(pipeline, settings, gpu, is_compiled=can_compile.is_on)
    ready = ModelRunner(
        pipeline,
        placement=Placement(gpu.device, offload=gpu.offloads),
        solver=SOLVERS[settings.active_model.solver],
        networks=networks,
        batch_limit=choose_batch_limit(settings, gpu),
        native_size=settings.active_model.default_size,
    )
    return ready, replace(setup, torch_compile=can_compile, float8=float8)


def take_first_steps(ready: ModelRunner, *, uses_cache: bool) -> None:
    """Take a few steps uncompiled and decode, so that the first job waits for no kernels.

    A model that cannot compute is found now instead of failing each job. Smaller pictures than its own may fit into
    memory where these do not.

    Raises:
        DeviceLost: the device has failed.
        Exception: PyTorch's error, other than that memory is short.
    """
    for call in (partial(ready.warm_up, uses_cache=uses_cache, largest_batch=1), ready.warm_up_decoder):
        failure = attempt(call)
        if failure is None:
            continue
        if failure.fault is not Fault.OUT_OF_MEMORY:
            raise failure.answer
        free_memory()
        logger.warning("a picture of %d x %d pixels does not fit into memory: %s", *ready.native_size, failure.error)


def load_pipeline(settings: Settings, loader: ModelLoader) -> StableDiffusionXLControlNetUnionPipeline:
    """Return the active model as diffusers' pipeline, on the CPU.

    Raises:
        ModelLoadError: names the model and the reason.
    """
    model = settings.active_model

    async def load() -> StableDiffusionXLControlNetUnionPipeline:
        controlnet = None
        if model.controlnet is not None:
            controlnet = (await loader.load_controlnet_models({"union": model.controlnet}))["union"]
        return await loader.load_stable_diffusion_xl(model.base, controlnet=controlnet, vae=model.vae)

    return asyncio.run(load())


def make_networks(
    pipeline: Any, settings: Settings, gpu: GPUManager, *, is_compiled: bool
) -> tuple[dict[Quality, Networks], Answer | None]:
    """Return the networks of every quality that the model's settings offer. Equal networks are the same object.

    Args:
        pipeline: placed on the device.
        settings: of the service.
        gpu: the device.
        is_compiled: whether networks are compiled here.

    Returns:
        The networks, and whether those of `fast` have 8-bit layers; None if `fast` is not offered.

    Raises:
        ModelLoadError: turbo's weights cannot be loaded, or the UNet cannot do what the settings of `fast` ask for.
    """
    model = settings.active_model
    exact = Networks("as trained", Denoiser(pipeline.unet, pipeline.controlnet))
    networks = {Quality.EXACT: exact}
    if Quality.TURBO in model.qualities:
        networks[Quality.TURBO] = turbo_networks(pipeline, settings)
    if Quality.FAST not in model.qualities:
        return networks, None
    if model.fast.cache_interval > 1 and not is_divisible(pipeline.unet):
        raise ModelLoadError(
            f"models.{settings.model}.fast.cache_interval must be 1: the UNet's outermost level has attention"
        )
    float8 = try_float8(pipeline, settings, gpu, is_compiled=is_compiled)
    networks[Quality.FAST] = narrowed_networks(pipeline) if float8.is_on else exact
    return networks, float8


def turbo_networks(pipeline: Any, settings: Settings) -> Networks:
    """Return the networks of `turbo`.

    Raises:
        ModelLoadError: their weights cannot be loaded.
    """
    turbo = settings.active_model.turbo
    if turbo is None:
        raise ModelLoadError(f"models.{settings.model}.qualities lists turbo, but its turbo settings are null")
    denoiser = Denoiser(with_lora(pipeline, turbo), pipeline.controlnet)
    return Networks(turbo.weight_name, denoiser, {"timestep_spacing": turbo.timestep_spacing})


def narrowed_networks(pipeline: Any) -> Networks:
    """Return copies of the networks with 8-bit layers."""
    return Networks("8-bit linear layers", Denoiser(to_float8(pipeline.unet), to_float8(pipeline.controlnet)))


def choose_batch_limit(settings: Settings, gpu: GPUManager) -> int:
    """Return how many pictures may share a step: as configured, or as many as fit beside all weights."""
    if settings.worker.reproducible:
        return 1
    return settings.worker.batch_limit or gpu.batch_limit


def try_float8(pipeline: Any, settings: Settings, gpu: GPUManager, *, is_compiled: bool) -> Answer:
    """Return whether `fast` gets 8-bit layers here."""
    if not settings.active_model.fast.float8:
        return Answer(False, f"models.{settings.model}.fast.float8 is off")
    if not gpu.is_gpu:
        return NO_GPU
    if not is_compiled:
        return Answer(False, "it is faster only if the networks are compiled")
    twins_gib = sum(map(float8_bytes, (pipeline.unet, pipeline.controlnet))) / GIB
    if gpu.offloads or not memory_plan.can_hold_twins(gpu.free_gib, twins_gib, gpu.profile, gpu.decode_gib):
        return Answer(
            False,
            f"{twins_gib:.1f} GiB of additional weights would leave too little of the {gpu.free_gib:.1f} GiB free",
        )
    return answer_after(attempt(partial(float8.try_out, gpu.device)))


def try_graphs(ready: ModelRunner, gpu: GPUManager, *, uses_cache: bool) -> Answer:
    """Record steps of few rows as CUDA graphs, if the profile enables it; return whether it did.

    Raises:
        DeviceLost: the device has failed.
    """
    if not gpu.is_gpu:
        return NO_GPU
    if not gpu.profile.cuda_graphs:
        return Answer(False, f"the GPU profile {gpu.profile_name} disables them")
    recorder = CudaRecorder()
    graphs = {denoiser: StepGraphs(recorder) for denoiser in ready.denoisers}
    with gpu.memory_monitor("recording steps"):
        failure = attempt(partial(ready.record, graphs, uses_cache=uses_cache))
    if failure is None:
        return Answer(True, f"{sum(map(len, graphs.values()))} graphs")
    for denoiser, recorded in graphs.items():
        denoiser.call_through(call_directly)
        recorded.clear()
    return do_without(failure, ready)


def with_lora(pipeline: Any, turbo: TurboSettings) -> Any:
    """Return a copy of the UNet with a LoRA's weights merged in.

    Raises:
        ModelLoadError: they cannot be loaded, or are not the UNet's.
    """
    unet = copy.deepcopy(pipeline.unet)
    carrier = type(pipeline)(**{**pipeline.components, "unet": unet})
    folder = locate(turbo.lora)
    source = str(folder) if folder.is_dir() else turbo.lora
    try:
        with LOAD_LOCK:
            carrier.load_lora_weights(source, weight_name=turbo.weight_name, use_safetensors=True)
            adapted = carrier.get_list_adapters()
            carrier.fuse_lora(components=["unet"])
            carrier.unload_lora_weights()
    except LOAD_ERRORS as error:
        raise ModelLoadError(f"cannot load the LoRA {turbo.weight_name} from {turbo.lora}: {error}") from error
    if "unet" not in adapted:  # diffusers only warns
        raise ModelLoadError(f"the LoRA {turbo.weight_name} from {turbo.lora} has no weights for the UNet")
    return unet
