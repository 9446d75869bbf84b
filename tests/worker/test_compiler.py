"""Compiled networks: one graph per kind of block for any batch size, and eager mode with the reason if it fails."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from shared.errors import DeviceLost
from shared.schemas import Quality
from tests.models import embedded_pipeline, embedded_settings, engine_model
from worker.engine import compiler
from worker.engine.denoiser import Denoiser
from worker.engine.model_runner import ModelRunner
from worker.engine.request import DrawRequest
from worker.gpu_manager import GPUManager
from worker.model_assembly import can_skip_single_rows, compile_decoder, compile_model, compile_networks, try_compiler
from worker.model_setup import Answer, Setup

SIDE = 64


@pytest.fixture(scope="module")
def stock() -> Any:
    return embedded_pipeline()


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    """Discard every graph, and restore the process's compiler settings."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    # On a CPU, NNPACK handles only batches below 16, and checking the size would split the graph there.
    with torch.fx.experimental._config.patch(backed_size_oblivious=True), torch.backends.nnpack.flags(enabled=False):
        yield
    torch.compiler.set_stance("default")


def denoiser_of(model: ModelRunner) -> Denoiser:
    return model.networks[Quality.EXACT].denoiser


def request_of(side: int = SIDE, *, is_guided: bool = True, is_steered: bool = True) -> DrawRequest:
    return DrawRequest(
        prompt="fire",
        control_images={"canny": Image.new("RGB", (side, side), "white")},
        weights={} if is_steered else {"canny": 0.0},
        num_inference_steps=2,
        guidance_scale=3.0 if is_guided else 1.0,
    )


def step(model: ModelRunner, *requests: DrawRequest) -> torch.Tensor:
    rows = [model.row(request) for request in requests]
    denoiser_of(model).step(rows)
    return torch.cat([row.latents for row in rows])


def kinds_of_blocks(model: ModelRunner) -> int:
    """Return how many kinds of blocks the networks have, and so the graphs that serve them, as traced."""
    denoiser = denoiser_of(model)
    blocks = [*denoiser.unet.modules(), *denoiser.controlnet.modules()]
    return len({compiler.kind_of(block) for block in blocks if isinstance(block, compiler.REPEATED)})


def test_one_graph_per_kind_of_block_serves_any_number_of_rows_and_steps_that_reuse(stock: Any) -> None:
    """With controls or without, as traced. The limit of recompilations is never reached."""
    model, plain = engine_model(stock), engine_model(embedded_pipeline())
    graphs = kinds_of_blocks(model)
    assert 5 < graphs < 20
    denoiser_of(model).compile(compiler.BlockCompiler(backend="eager"), (SIDE, SIDE))
    guided, unguided, free = request_of(), request_of(is_guided=False), request_of(is_steered=False)
    batches = [[guided], [unguided], [guided, unguided, free], [free], [guided] * 8]
    for batch in batches:
        assert torch.equal(step(model, *batch), step(plain, *batch))
        assert compiler.graphs() == graphs
    step(model, request_of(2 * SIDE))
    assert compiler.graphs() == graphs, "pictures of another size run uncompiled"
    guided, unguided, free = (replace(request, cache_interval=2) for request in (guided, unguided, free))
    ending = replace(guided, guidance_end=0.5)
    for batch in ([guided], [unguided], [guided, unguided, free, ending], [guided] * 8):
        ours, expected = ([one.row(request) for request in batch] for one in (model, plain))
        for _ in range(2):
            denoiser_of(model).step(ours)
            denoiser_of(plain).step(expected)
        assert all(torch.equal(one.latents, other.latents) for one, other in zip(ours, expected, strict=True))
        assert compiler.graphs() == graphs
    assert "recompile_limit" not in str(torch._dynamo.utils.counters)


@pytest.mark.slow
def test_single_rows_can_be_left_uncompiled(stock: Any) -> None:
    model, plain = engine_model(stock), engine_model(embedded_pipeline())
    denoiser_of(model).compile(compiler.BlockCompiler(backend="eager", least_rows=2), (SIDE, SIDE))
    for request, graphs in ((request_of(is_guided=False), 0), (request_of(), kinds_of_blocks(model))):
        assert torch.equal(step(model, request), step(plain, request))
        assert compiler.graphs() == graphs


@pytest.mark.parametrize(
    ("change", "can_skip"),
    [
        ({}, True),
        ({"has_graphs": True}, False),
        ({"profile": "medium"}, False),
        ({"reproducible": True}, False),
    ],
    ids=["first start", "later start", "steps that are not recorded", "reproducible"],
)
def test_a_first_start_leaves_graphs_for_single_rows_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], can_skip: bool
) -> None:
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    if change.get("has_graphs"):
        (tmp_path / "fxgraph").mkdir()
    settings = embedded_settings()
    worker = {"compile_cache": tmp_path, "reproducible": change.get("reproducible", False)}
    settings = settings.model_copy(update={"worker": settings.worker.model_copy(update=worker)})
    gpu = GPUManager("cpu", settings.gpu_profiles)
    gpu.profile = settings.gpu_profiles[change.get("profile", "large")]
    assert can_skip_single_rows(settings, gpu) == can_skip


@pytest.mark.slow
def test_the_status_says_that_single_rows_are_left_out(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = engine_model(stock, native_size=SIDE)
    make = partial(compiler.BlockCompiler, backend="eager")
    monkeypatch.setattr(compiler, "BlockCompiler", make)
    answer = compile_networks(model, SIDE, skips_single_rows=True)
    expected = f"yes: {kinds_of_blocks(model)} graphs, for 64 x 64 pixels; those for single rows at the next start"
    assert str(answer).startswith(expected)


@pytest.mark.slow
def test_the_processes_that_compile_are_ready_when_they_have_been_waited_for(tmp_path: Path) -> None:
    """They alone put no graph into the cache, so that a first start is still known for one."""
    script = """
from torch._inductor.async_compile import AsyncCompile
from worker.engine import compiler
compiler.start_pool()
compiler.wait_for_pool()
print(AsyncCompile.use_process_pool())
"""
    process = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path), "TORCHINDUCTOR_COMPILE_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert process.stdout == "True\n", process.stderr
    assert not compiler.has_graphs(tmp_path)


@pytest.mark.slow
def test_networks_of_the_same_structure_share_graphs(stock: Any) -> None:
    model, other = engine_model(stock), engine_model(embedded_pipeline())
    compile_blocks = compiler.BlockCompiler(backend="eager")
    for one in (model, other):
        denoiser_of(one).compile(compile_blocks, (SIDE, SIDE))
        step(one, request_of())
    assert compiler.graphs() == kinds_of_blocks(model)


def test_blocks_run_uncompiled_once_the_step_is_over_even_if_it_fails(stock: Any) -> None:
    (block, *_others) = (module for module in stock.unet.modules() if isinstance(module, compiler.REPEATED))
    with compiler.BlockCompiler(backend="eager")([stock.unet]):
        assert "forward" in vars(block)
    with pytest.raises(ValueError, match="injected"), compiler.BlockCompiler(backend="eager")([stock.unet]):
        raise ValueError("injected")
    assert "forward" not in vars(block)


def test_nothing_is_compiled_once_jobs_are_served(stock: Any) -> None:
    model = engine_model(stock)
    denoiser_of(model).compile(compiler.BlockCompiler(backend="eager"), (SIDE, SIDE))
    compiler.freeze()
    assert torch.equal(step(model, request_of()), step(engine_model(embedded_pipeline()), request_of()))
    assert compiler.graphs() == 0


def failing(error: Exception) -> Callable[..., Any]:
    def compiled(*_function: Any) -> Any:
        def call(*_arguments: Any, **_options: Any) -> Any:
            raise error

        return call

    return compiled


def test_where_compiling_the_networks_fails_they_run_eagerly_and_it_is_said_why(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine_model(stock)
    exact = model.networks[Quality.EXACT]
    model.networks = {Quality.EXACT: exact, Quality.FAST: replace(exact, name="8-bit linear layers")}
    for name in ("compiled_forward", "compiled_for_one"):
        monkeypatch.setattr(compiler, name, failing(RuntimeError("no such instruction\nat line 7")))
    gpu = GPUManager("cpu", embedded_settings().gpu_profiles)
    setup = compile_model(model, Setup(float8=Answer(True)), gpu, 256)
    failed = Answer(False, "RuntimeError: no such instruction")
    assert (setup.torch_compile, setup.vae_compile) == (failed, failed)
    assert setup.float8 == Answer(False, "compiling failed")
    assert model.networks[Quality.FAST] is exact
    assert step(model, request_of(256)).isfinite().all()


def test_a_device_that_is_lost_while_compiling_is_not_run_eagerly(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, lost = engine_model(stock), RuntimeError("CUDA error: an illegal memory access")
    for name in ("compiled_forward", "compiled_for_one"):
        monkeypatch.setattr(compiler, name, failing(lost))
    monkeypatch.setattr(torch, "ones", failing(lost)())
    with pytest.raises(DeviceLost):
        compile_networks(model, 256)
    with pytest.raises(DeviceLost):
        compile_decoder(model, 256)


def test_where_compiling_fails_as_on_a_lost_device_that_still_computes_everything_runs_eagerly(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the worker would start again and fail again, without end."""
    model = engine_model(stock)
    error = RuntimeError("Triton Error [CUDA]: device kernel image is invalid")
    for name in ("compiled_forward", "compiled_for_one"):
        monkeypatch.setattr(compiler, name, failing(error))
    answers = compile_networks(model, 256), compile_decoder(model, 256)
    assert set(map(str, answers)) == {f"no: RuntimeError: {error}"}
    assert step(model, request_of(256)).isfinite().all()


def noise(side: int = SIDE) -> torch.Tensor:
    """Return latents of the embedded model's VAE for a picture with this side."""
    return torch.randn(1, 16, side // 8, side // 8, generator=torch.Generator().manual_seed(0))


def test_one_graph_decodes_pictures_of_the_models_own_size(stock: Any) -> None:
    model, plain = engine_model(stock), engine_model(stock)
    model.decoder.compile(partial(compiler.compiled_for_one, backend="eager"), (SIDE, SIDE))
    for side in (SIDE, SIDE, 2 * SIDE):
        assert model.decoder.decode(noise(side)).tobytes() == plain.decoder.decode(noise(side)).tobytes()
        assert compiler.graphs() == 1


def test_the_decoders_thread_uses_what_the_engines_thread_compiled(stock: Any) -> None:
    """If a graph's guards failed, it would silently run eagerly; here it would raise."""
    model = engine_model(stock)
    model.decoder.compile(partial(compiler.compiled_for_one, backend="eager"), (SIDE, SIDE))
    model.decoder.decode(noise())
    torch.compiler.set_stance("fail_on_recompile")
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(model.decoder.decode, noise()).result().size == (SIDE, SIDE)
    with pytest.raises(RuntimeError, match="recompile"):
        model.decoder.compiled(stock.vae, noise(2 * SIDE))


def test_the_decoder_is_warmed_up_in_its_own_thread(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """There its kernels are loaded and its memory is kept, as for the first job."""
    model = engine_model(stock, native_size=SIDE)
    threads: list[str] = []
    decode = model.decoder.to_pixels
    monkeypatch.setattr(
        model.decoder, "to_pixels", lambda latents: threads.append(threading.current_thread().name) or decode(latents)
    )
    model.warm_up_decoder()
    assert threads == ["decoder_0"]


def test_a_vae_that_cannot_be_compiled_decodes_eagerly_and_the_networks_stay_compiled(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine_model(stock)
    monkeypatch.setattr(compiler, "compiled_for_one", failing(RuntimeError("no such instruction")))
    assert compile_decoder(model, 256) == Answer(False, "RuntimeError: no such instruction")
    assert model.decoder.decode(noise(256)).size == (256, 256)


def test_a_vae_that_does_not_fit_is_decoded_in_tiles_without_compiling_anew(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine_model(stock)
    model.decoder.compile(failing(torch.OutOfMemoryError("injected")), (SIDE, SIDE))
    assert model.decoder.decode(noise()).size == (SIDE, SIDE)
    assert compiler.graphs() == 0


def test_a_profile_that_asks_for_none_is_not_compiled() -> None:
    settings = embedded_settings()
    answer = try_compiler(settings, GPUManager("cpu", settings.gpu_profiles))
    assert not answer.is_on
    assert "profile cpu" in answer.reason


# A worker's model on a machine without a C compiler, under a profile that enables compiled networks.
WITHOUT_COMPILER = """
from shared.settings import load_settings
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model
settings = load_settings()
profiles = {name: profile.model_copy(update={"torch_compile": True}) for name, profile in settings.gpu_profiles.items()}
print(load_model(settings, GPUManager("cpu", profiles)).setup.torch_compile)
"""


@pytest.mark.slow
def test_without_a_c_compiler_the_model_starts_eagerly(tmp_path: Path) -> None:
    nowhere = dict.fromkeys(("CC", "CXX"), "/nonexistent")
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPILER],
        env={"PATH": "/nonexistent", "WRITING_WORKER__COMPILE_CACHE": str(tmp_path), **nowhere},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("no: ")


@pytest.mark.slow
def test_compiled_networks_draw_the_same_picture(stock: Any) -> None:
    """With the real compiler, which makes at most two graphs per kind of block, and none after the warm-up."""
    model, plain = engine_model(stock), engine_model(embedded_pipeline())
    denoiser_of(model).compile(compiler.BlockCompiler(), (SIDE, SIDE))
    guided, single, free = request_of(), request_of(is_guided=False), request_of(is_steered=False)
    for batch in ([guided], [single], [free], [guided] * 8):
        assert (step(model, *batch) - step(plain, *batch)).abs().max() < 1e-3
    graphs = compiler.graphs()
    assert graphs <= 2 * kinds_of_blocks(model)
    for batch in ([guided] * 3, [guided, single, free], [guided] * 5):
        assert (step(model, *batch) - step(plain, *batch)).abs().max() < 1e-3
    assert compiler.graphs() == graphs


@pytest.mark.slow
def test_a_compiled_vae_decodes_the_same_picture(stock: Any) -> None:
    """With the real compiler."""
    model = engine_model(stock)
    model.decoder.compile(compiler.compiled_for_one, (SIDE, SIDE))
    ours, plain = (np.asarray(one.decoder.decode(noise()), np.int16) for one in (model, engine_model(stock)))
    assert np.abs(ours - plain).max() <= 1
    assert compiler.graphs() == 1
