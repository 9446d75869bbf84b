"""From settings and a device to a warm model for the engine: load, place, tune, warm up."""

import asyncio
import copy
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from diffusers import StableDiffusionXLControlNetUnionPipeline

from shared.errors import ModelLoadError
from shared.gpu_profiles import GIB
from shared.locations import locate
from shared.schemas import Quality
from shared.settings import Settings, TurboSettings
from worker import memory_plan
from worker.engine import compiler, float8
from worker.engine.checkpoint_kind import unsupported_parts
from worker.engine.decoder import upcast_if_overflowing
from worker.engine.denoiser import Denoiser, call_directly
from worker.engine.faults import Failure, Fault, attempt, free_memory, is_lost
from worker.engine.float8 import float8_bytes, to_float8
from worker.engine.model_runner import ModelRunner, Networks
from worker.engine.placement import Placement
from worker.engine.solvers import SOLVERS
from worker.engine.step_graphs import CudaRecorder, StepGraphs
from worker.engine.unet import is_divisible
from worker.gpu_manager import GPUManager
from worker.load_lock import LOAD_LOCK
from worker.model_loader import LOAD_ERRORS, ModelLoader

logger = logging.getLogger("ai_models")


def load_model(settings: Settings, gpu: GPUManager) -> ModelRunner:
    """Load the active model and prepare it. Call it in the thread that will draw.

    Raises:
        ModelLoadError: names the model and the reason.
        DeviceLost: the device has failed.
    """
    Placement(gpu.device).enter_first()
    start_compiler(settings, gpu)
    with gpu.memory_monitor(f"loading model {settings.model}"):
        loader = ModelLoader(settings.active_model.dtype, gpu.device)
        pipeline = load_pipeline(settings, loader)
    return make_ready(pipeline, settings, gpu, loader.why)


def make_ready(pipeline: Any, settings: Settings, gpu: GPUManager, why_dtype: str) -> ModelRunner:
    """Place a loaded pipeline on the device, choose options that fit, and compile it. Call it in the drawing thread.

    Args:
        pipeline: diffusers' SDXL + Union ControlNet pipeline.
        settings: of the service.
        gpu: the device.
        why_dtype: why its weights have their dtype, for the status.

    Raises:
        ModelLoadError: the engine cannot draw with this kind of checkpoint, or turbo's weights cannot be loaded.
        DeviceLost: the device has failed.
    """
    model, solver = settings.active_model, SOLVERS[settings.active_model.solver]
    if reasons := unsupported_parts(pipeline, solver):
        raise ModelLoadError(f"{model.base} cannot be used: {'; '.join(reasons)}")
    upcast_if_overflowing(pipeline.vae)  # before memory is planned
    with gpu.memory_monitor("placing the model"):
        setup = gpu.optimize_pipeline(pipeline)
        setup["dtype"] += f": {why_dtype}"
        skips_single_rows = can_skip_single_rows(settings, gpu)
        setup["torch_compile"] = try_compiler(settings, gpu)
        networks = make_networks(pipeline, settings, gpu, setup)
        ready = ModelRunner(
            pipeline,
            placement=Placement(gpu.device, offload=gpu.offloads),
            solver=solver,
            networks=networks,
            batch_limit=choose_batch_limit(settings, gpu),
            native_size=model.default_size,
            setup=setup,
        )
    uses_cache = Quality.FAST in networks and model.fast.cache_interval > 1
    if is_on(setup["torch_compile"]):
        setup["compile_pool"] = try_pool(gpu)
        with gpu.memory_monitor("compiling"):
            compile_networks(
                ready,
                networks,
                setup,
                model.default_size,
                uses_cache=uses_cache,
                skips_single_rows=skips_single_rows,
            )
            compile_decoder(ready, setup, model.default_size)
            compiler.freeze()
    setup["cuda_graphs"] = try_graphs(ready, gpu, uses_cache=uses_cache)
    logger.info("setup: %s", setup)
    return ready


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


def make_networks(pipeline: Any, settings: Settings, gpu: GPUManager, setup: dict[str, str]) -> dict[Quality, Networks]:
    """Return the networks of every quality that the model's settings offer. Equal networks are the same object.

    Args:
        pipeline: placed on the device.
        settings: of the service.
        gpu: the device.
        setup: what is enabled; receives `float8`.

    Raises:
        ModelLoadError: turbo's weights cannot be loaded.
    """
    model = settings.active_model
    exact = Networks("as trained", Denoiser(pipeline.unet, pipeline.controlnet))
    networks = {Quality.EXACT: exact}
    if Quality.TURBO in model.qualities:
        if model.turbo is None:
            raise ModelLoadError(f"models.{settings.model}.qualities lists turbo, but its turbo settings are null")
        spacing = {"timestep_spacing": model.turbo.timestep_spacing}
        denoiser = Denoiser(with_lora(pipeline, model.turbo), pipeline.controlnet)
        networks[Quality.TURBO] = Networks(model.turbo.weight_name, denoiser, spacing)
    if Quality.FAST in model.qualities:
        if model.fast.cache_interval > 1 and not is_divisible(pipeline.unet):
            raise ModelLoadError(
                f"models.{settings.model}.fast.cache_interval must be 1: the UNet's outermost level has attention"
            )
        networks[Quality.FAST] = exact
        setup["float8"] = try_float8(pipeline, settings, gpu, setup)
        if is_on(setup["float8"]):
            twins = Denoiser(to_float8(pipeline.unet), to_float8(pipeline.controlnet))
            networks[Quality.FAST] = Networks("8-bit linear layers", twins)
    return networks


def choose_batch_limit(settings: Settings, gpu: GPUManager) -> int:
    """Return how many pictures may share a step: as configured, or as many as fit beside all weights."""
    if settings.worker.reproducible:
        return 1
    return settings.worker.batch_limit or gpu.batch_limit


def start_compiler(settings: Settings, gpu: GPUManager) -> None:
    """Start the processes that will compile kernels, if any: they take as long to be ready as a model to be loaded."""
    if gpu.is_gpu and gpu.profile.torch_compile:
        compiler.set_up(locate(settings.worker.compile_cache))
        attempt(compiler.start_pool)


def try_pool(gpu: GPUManager) -> str:
    """Return whether other processes compile kernels here, once they are ready: "yes", or "no" and the reason."""
    return _answer(attempt(compiler.wait_for_pool)) if gpu.is_gpu else "no: no GPU"


def can_skip_single_rows(settings: Settings, gpu: GPUManager) -> bool:
    """Return whether this start may leave the graphs for a single row to the next one. Call it before compiling.

    They are two fifths of the work of a first start, whose compile cache is empty, and save little where steps are
    recorded. They would change a picture's last bits from this start to the next.
    """
    is_cold = not compiler.has_graphs(locate(settings.worker.compile_cache))
    return is_cold and gpu.profile.cuda_graphs and not settings.worker.reproducible


def try_compiler(settings: Settings, gpu: GPUManager) -> str:
    """Return whether networks are compiled here: "yes", or "no" and the reason."""
    if not gpu.profile.torch_compile:
        return f"no: the GPU profile {gpu.profile_name} disables it"
    compiler.set_up(locate(settings.worker.compile_cache))
    return _answer(attempt(partial(compiler.try_out, gpu.device)))


def try_float8(pipeline: Any, settings: Settings, gpu: GPUManager, setup: Mapping[str, str]) -> str:
    """Return whether `fast` gets 8-bit layers here: "yes", or "no" and the reason."""
    if not settings.active_model.fast.float8:
        return f"no: models.{settings.model}.fast.float8 is off"
    if not gpu.is_gpu:
        return "no: no GPU"
    if not is_on(setup["torch_compile"]):
        return "no: it is faster only if the networks are compiled"
    twins_gib = sum(map(float8_bytes, (pipeline.unet, pipeline.controlnet))) / GIB
    if gpu.offloads or not memory_plan.can_hold_twins(gpu.free_gib, twins_gib, gpu.profile, gpu.decode_gib):
        return (
            f"no: {twins_gib:.1f} GiB of additional weights would leave too little of the {gpu.free_gib:.1f} GiB free"
        )
    return _answer(attempt(partial(float8.try_out, gpu.device)))


def compile_networks(
    ready: ModelRunner,
    networks: dict[Quality, Networks],
    setup: dict[str, str],
    side: int,
    *,
    uses_cache: bool = False,
    skips_single_rows: bool = False,
) -> None:
    """Compile the networks for the model's native size. On failure they run uncompiled, and `setup` gives the reason.

    Args:
        ready: the model.
        networks: its networks, by quality.
        setup: what is enabled; receives `torch_compile`, and `float8` on failure.
        side: of a picture of the native size, in pixels.
        uses_cache: whether `fast` uses the cache of an earlier step.
        skips_single_rows: whether steps with a single row run uncompiled.

    Raises:
        DeviceLost: the device has failed.
    """
    before = compiler.graphs()
    denoisers = {id(one.denoiser): one.denoiser for one in networks.values()}.values()
    compile_blocks = compiler.BlockCompiler(least_rows=2 if skips_single_rows else 1)
    for denoiser in denoisers:
        denoiser.compile(compile_blocks, (side, side))
    failure = attempt(partial(ready.warm_up, uses_cache=uses_cache))
    if failure is None:
        skipped = "; those for single rows at the next start, as the compile cache was empty"
        setup["torch_compile"] = (
            f"yes: {compiler.graphs() - before} graphs, for {side} x {side} pixels{skipped * skips_single_rows}"
        )
        return
    for denoiser in denoisers:
        denoiser.run_eager()
    if is_on(setup.get("float8", "")):
        networks[Quality.FAST] = networks[Quality.EXACT]
        setup["float8"] = "no: compiling failed"
    setup["torch_compile"] = _do_without(failure, ready)


def compile_decoder(ready: ModelRunner, setup: dict[str, str], side: int) -> None:
    """Compile the VAE for the model's native size.

    On failure it runs uncompiled, and `setup["vae_compile"]` gives the reason.

    Raises:
        DeviceLost: the device has failed.
    """
    ready.decoder.compile(compiler.compiled_for_one, (side, side))
    failure = attempt(ready.warm_up_decoder)
    if failure is None:
        setup["vae_compile"] = "yes"
        return
    ready.decoder.run_eager()
    setup["vae_compile"] = _do_without(failure, ready)


def try_graphs(ready: ModelRunner, gpu: GPUManager, *, uses_cache: bool) -> str:
    """Record steps of few rows as CUDA graphs, if the profile enables it; return "yes", or "no" and the reason.

    Raises:
        DeviceLost: the device has failed.
    """
    if not gpu.is_gpu:
        return "no: no GPU"
    if not gpu.profile.cuda_graphs:
        return f"no: the GPU profile {gpu.profile_name} disables them"
    denoisers = {id(one.denoiser): one.denoiser for one in ready.networks.values()}
    recorder = CudaRecorder()
    graphs = {key: StepGraphs(recorder) for key in denoisers}
    with gpu.memory_monitor("recording steps"):
        failure = attempt(partial(ready.record, graphs, uses_cache=uses_cache))
    if failure is None:
        return f"yes: {sum(map(len, graphs.values()))} graphs"
    for key, denoiser in denoisers.items():
        denoiser.call_through(call_directly)
        graphs[key].clear()
    return _do_without(failure, ready)


def is_on(answer: str) -> bool:
    """Return whether an entry of the setup starts with "yes"."""
    return answer.startswith("yes")


def _do_without(failure: Failure, ready: ModelRunner) -> str:
    """Free the memory of an option that failed; return "no" and the reason.

    Raises:
        DeviceLost: the device has failed, and not only the option.
    """
    if failure.fault is Fault.DEVICE_LOST and is_lost(ready.placement.device):
        raise failure.answer
    attempt(free_memory)
    return _answer(failure)


def _answer(failure: Failure | None) -> str:
    if failure is None:
        return "yes"
    lines = str(failure.error).strip().splitlines() or [""]
    return f"no: {type(failure.error).__name__}: {lines[0]}"


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
