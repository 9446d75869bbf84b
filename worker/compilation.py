"""Compiling a model: in this process, and at a first start in others before it."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch._inductor.runtime.cache_dir_utils import cache_dir

from shared.locations import locate
from shared.schemas import Quality
from shared.settings import Settings
from worker.engine import compiler
from worker.engine.compile_examples import ExampleCollector
from worker.engine.compile_processes import CompileProcesses, how_many
from worker.engine.decoder import Decoder
from worker.engine.denoiser import Denoiser
from worker.engine.faults import Failure, Fault, attempt, free_memory, is_lost, outcome_of
from worker.engine.model_runner import ModelRunner
from worker.engine.saved_graphs import SavedGraphs
from worker.gpu_manager import GPUManager
from worker.model_setup import Answer, Setup, is_on
from worker.picture_work.choice import usable_cores

logger = logging.getLogger("ai_models")

MOST_FILLS = 3  # starts at which processes fill the compile cache; something may never fit into it


def start_processes(settings: Settings, gpu: GPUManager) -> AbstractContextManager[CompileProcesses | None]:
    """Start the processes that will compile a model's blocks; none if they need not or cannot.

    Call it before the model is loaded: they take as long to start.
    """
    if not gpu.is_gpu:
        return nullcontext()
    count = how_many(
        settings.worker.compile_processes, usable_cores(), card_gib=gpu.free_gib, cards=torch.cuda.device_count()
    )
    if count < 1 or not gpu.profile.torch_compile or not 0 < _incomplete_starts(_mark(settings, gpu)) <= MOST_FILLS:
        return nullcontext()
    cache = compiler.cache_folder(locate(settings.worker.compile_cache))
    processes = outcome_of(partial(CompileProcesses, count, cache, gpu.device))
    if isinstance(processes, Failure):
        logger.warning("the worker compiles alone: %s", processes.error)
        return nullcontext()
    return processes


def note_start(settings: Settings, gpu: GPUManager, setup: Setup, *, compiled: int) -> None:
    """Note whether the compile cache held all graphs of this model, so that later starts need no processes.

    Args:
        settings: of the service.
        gpu: the device.
        setup: with what came of compiling.
        compiled: how many graphs this process had to compile.
    """
    if gpu.is_gpu and is_on(setup.torch_compile):
        mark = _mark(settings, gpu)
        starts = _incomplete_starts(mark) + 1 if compiled else 0
        attempt(partial(mark.parent.mkdir, parents=True, exist_ok=True))  # the folder may be read-only
        attempt(partial(mark.write_text, str(starts)))


def _incomplete_starts(mark: Path) -> int:
    """Return the number of starts since the compile cache last held all graphs; 1 at the first start."""
    count = outcome_of(lambda: int(mark.read_text()))
    return 1 if isinstance(count, Failure) else count


def _mark(settings: Settings, gpu: GPUManager) -> Path:
    """Return the file that says whether the compile cache is filled for this model, beside its graphs."""
    graphs = SavedGraphs(compiler.cache_folder(locate(settings.worker.compile_cache)), gpu.device)
    model = hashlib.sha256(settings.active_model.model_dump_json().encode())
    return graphs.folder / f"filled-{model.hexdigest()[:16]}"


def try_compiler(settings: Settings, gpu: GPUManager) -> Answer:
    """Return whether networks can be compiled here."""
    if not gpu.profile.torch_compile:
        return Answer(False, f"the GPU profile {gpu.profile_name} disables it")
    compiler.set_up(locate(settings.worker.compile_cache))
    return answer_after(attempt(partial(compiler.try_out, gpu.device)))


def compile_model(
    ready: ModelRunner, setup: Setup, processes: CompileProcesses | None = None, *, uses_cache: bool = False
) -> Setup:
    """Compile the networks and the VAE for the model's native size; return the setup with what came of it.

    Args:
        ready: the model. Without compiled networks, its `fast` has no 8-bit layers.
        setup: its setup so far.
        processes: compile its blocks first, into the compile cache; None: this process alone compiles what is missing.
        uses_cache: whether `fast` uses the cache of an earlier step.

    Raises:
        DeviceLost: the device has failed.
    """
    if processes is not None:
        setup = replace(setup, compile_processes=fill_cache(ready, processes, uses_cache=uses_cache))
    compiled, float8 = compile_networks(ready, uses_cache=uses_cache), setup.float8
    if is_on(float8) and not compiled.is_on:
        ready.networks = {**ready.networks, Quality.FAST: ready.networks[Quality.EXACT]}
        float8 = Answer(False, "compiling failed")
    vae = compile_decoder(ready)
    compiler.freeze()
    return replace(setup, torch_compile=compiled, float8=float8, vae_compile=vae)


def fill_cache(ready: ModelRunner, processes: CompileProcesses, *, uses_cache: bool = False) -> Answer:
    """Have processes compile the model's blocks into the compile cache, by examples of all steps.

    Raises:
        DeviceLost: the device has failed.
    """
    collector = ExampleCollector()
    for denoiser in ready.denoisers:
        denoiser.compile(collector, ready.native_size)
    ready.decoder.compile(collector, ready.native_size)
    failure = attempt(partial(_take_examples, ready, uses_cache=uses_cache))
    if failure is not None:
        return do_without(failure, ready)
    free_memory()  # for theirs
    failure = attempt(partial(processes.compile, collector.examples))
    return Answer(True, str(len(processes))) if failure is None else answer_after(failure)


def _take_examples(ready: ModelRunner, *, uses_cache: bool) -> None:
    # A graph for two rows serves any number, and large batches may not fit into memory uncompiled.
    ready.warm_up(uses_cache=uses_cache, largest_batch=1)
    ready.warm_up_decoder()


def compile_networks(ready: ModelRunner, *, uses_cache: bool = False) -> Answer:
    """Compile the networks. On failure they run uncompiled, and the answer gives the reason.

    Args:
        ready: the model.
        uses_cache: whether `fast` uses the cache of an earlier step.

    Raises:
        DeviceLost: the device has failed.
    """
    return _compile(ready, ready.denoisers, partial(_warm_up, ready, uses_cache=uses_cache))


def _warm_up(ready: ModelRunner, *, uses_cache: bool) -> None:
    """Take steps of all kinds. Where the largest batch does not fit, lower the batch limit: the graphs serve any.

    Raises:
        Exception: PyTorch's error, as when not even a single picture fits.
    """
    limit = ready.batch_limit
    while failure := attempt(partial(ready.warm_up, uses_cache=uses_cache, largest_batch=limit)):
        if failure.fault is not Fault.OUT_OF_MEMORY or limit == 1:
            raise failure.error
        free_memory()
        # By an eighth: it was computed from the free memory, so it is nearly right.
        limit -= max(1, limit // 8)
    if limit < ready.batch_limit:
        logger.warning("%d pictures do not fit into memory: the limit is %d", ready.batch_limit, limit)
        ready.batch_limit = limit


def compile_decoder(ready: ModelRunner) -> Answer:
    """Compile the VAE. On failure it runs uncompiled, and the answer gives the reason.

    Raises:
        DeviceLost: the device has failed.
    """
    return _compile(ready, [ready.decoder], ready.warm_up_decoder)


def _compile(ready: ModelRunner, owners: Sequence[Denoiser | Decoder], warm_up: Callable[[], object]) -> Answer:
    """Compile networks and run them; return whether they run compiled, with how many graphs and for which size.

    A saved graph may load and fail when it runs. Then all are compiled here, and none is used.

    Raises:
        DeviceLost: the device has failed.
    """
    width, height = ready.native_size
    for load in (_saved_graphs(ready).load, None):
        before = compiler.graphs()
        compile_blocks = compiler.BlockCompiler(load=load)
        for owner in owners:
            owner.compile(compile_blocks, ready.native_size)
        failure = attempt(warm_up)
        if failure is None:
            compiled = compiler.graphs() - before
            which = f"{compile_blocks.loaded + compiled} graphs, {compiled} of them compiled at this start"
            return Answer(True, f"{which}, for {width} x {height} pixels")
        for owner in owners:
            owner.run_eager()
        answer = do_without(failure, ready)
        if not compile_blocks.loaded or failure.fault is Fault.OUT_OF_MEMORY:
            break
        logger.warning("the saved graphs are not used: %s", failure.error)
        _saved_graphs(ready).clear()
    return answer


def _saved_graphs(ready: ModelRunner) -> SavedGraphs:
    return SavedGraphs(Path(cache_dir()), ready.placement.device)


def do_without(failure: Failure, ready: ModelRunner) -> Answer:
    """Free the memory of an option that failed; return "no" and the reason.

    Raises:
        DeviceLost: the device has failed, and not only the option.
    """
    if failure.fault is Fault.DEVICE_LOST and is_lost(ready.placement.device):
        raise failure.answer
    attempt(free_memory)
    return answer_after(failure)


def answer_after(failure: Failure | None) -> Answer:
    """Return "yes", or "no" and the reason."""
    return Answer(True) if failure is None else Answer(False, failure.reason)
