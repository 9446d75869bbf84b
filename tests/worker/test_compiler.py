"""Compiled networks: one graph per kind of block for any batch size, and eager mode with the reason if it fails."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from PIL import Image
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from shared.errors import DeviceLost
from shared.gpu_profiles import GIB
from shared.schemas import Quality
from tests.models import embedded_pipeline, embedded_settings, engine_model
from worker.compilation import compile_decoder, compile_model, compile_networks, fill_cache, try_compiler
from worker.engine import compile_processes, compiler, float8
from worker.engine.compile_examples import ExampleCollector
from worker.engine.compile_processes import CompileProcesses, available_gib, how_many
from worker.engine.compiler import Part
from worker.engine.denoiser import Denoiser
from worker.engine.model_runner import ModelRunner
from worker.engine.request import DrawRequest
from worker.engine.saved_graphs import SavedGraphs
from worker.gpu_manager import GPUManager
from worker.model_setup import Answer, Setup

SIDE = 64
# The real compiler takes minutes where the cores are busy.
COMPILES = pytest.mark.timeout(1200)


def pipeline_as_on_a_gpu() -> Any:
    """Return the embedded model in the memory order that the engine chooses on a GPU."""
    pipeline = embedded_pipeline()
    for part in (pipeline.unet, pipeline.controlnet, pipeline.vae):
        part.to(memory_format=torch.channels_last)
    return pipeline


@pytest.fixture(scope="module")
def stock() -> Any:
    return pipeline_as_on_a_gpu()


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


def run_uncompiled(model: ModelRunner) -> None:
    """Have a model run the functions that are compiled as they are, which differ from diffusers' in memory order."""
    denoiser_of(model).compile(ExampleCollector(), (SIDE, SIDE))


def step(model: ModelRunner, *requests: DrawRequest) -> torch.Tensor:
    rows = [model.row(request) for request in requests]
    denoiser_of(model).step(rows)
    return torch.cat([row.latents for row in rows])


def kinds_of_blocks(model: ModelRunner) -> int:
    """Return how many kinds of blocks the networks have, and so the graphs that serve them, as traced."""
    denoiser = denoiser_of(model)
    return len({part.kind for network in (denoiser.unet, denoiser.controlnet) for part in compiler.parts_of(network)})


@pytest.mark.slow
def test_two_graphs_per_kind_of_block_serve_any_number_of_rows_and_steps_that_reuse(stock: Any) -> None:
    """With controls or without: one for a single row, one for more. The limit of recompilations is never reached."""
    model, plain = engine_model(stock), engine_model(pipeline_as_on_a_gpu())
    run_uncompiled(plain)
    denoiser_of(model).compile(compiler.BlockCompiler(backend="eager"), (SIDE, SIDE))
    guided, unguided, free = request_of(), request_of(is_guided=False), request_of(is_steered=False)
    kinds, graphs = kinds_of_blocks(model), []
    for batch in ([guided], [unguided], [guided, unguided, free], [free], [guided] * 8):
        assert torch.equal(step(model, *batch), step(plain, *batch))
        graphs.append(compiler.graphs())
    assert graphs[0] == kinds
    assert kinds <= graphs[1] <= 2 * kinds
    assert set(graphs[1:]) == {graphs[1]}
    step(model, request_of(2 * SIDE))
    assert compiler.graphs() == graphs[1], "pictures of another size run uncompiled"
    guided, unguided, free = (replace(request, cache_interval=2) for request in (guided, unguided, free))
    ending = replace(guided, guidance_end=0.5)
    for batch in ([guided], [unguided], [guided, unguided, free, ending], [guided] * 8):
        ours, expected = ([one.row(request) for request in batch] for one in (model, plain))
        for _ in range(2):
            denoiser_of(model).step(ours)
            denoiser_of(plain).step(expected)
        assert all(torch.equal(one.latents, other.latents) for one, other in zip(ours, expected, strict=True))
        assert compiler.graphs() == graphs[1]
    assert "recompile_limit" not in str(torch._dynamo.utils.counters)


def test_what_is_noted_of_a_models_steps_is_a_graph_of_each_kind_for_single_and_for_several_rows(stock: Any) -> None:
    model, plain = engine_model(stock), engine_model(pipeline_as_on_a_gpu())
    collector = ExampleCollector()
    denoiser_of(model).compile(collector, (SIDE, SIDE))
    model.decoder.compile(collector, (SIDE, SIDE))
    for batch in ([request_of()], [request_of(is_guided=False)], [request_of()] * 2):
        assert (step(model, *batch) - step(plain, *batch)).abs().max() < 1e-2
    kinds = [example.part.kind for example in collector.examples]
    assert len({*kinds}) == kinds_of_blocks(model)
    assert kinds == 2 * kinds[: kinds_of_blocks(model)], "one graph of each kind first"
    model.decoder.decode(noise())
    examples = collector.examples
    assert len({example.part.kind for example in examples}) > kinds_of_blocks(model), "the VAE's"
    assert all(parameter.is_meta for example in examples for parameter in example.part.block.parameters())


@pytest.mark.slow
@COMPILES
def test_what_other_processes_have_compiled_is_loaded_and_computes_the_same(tmp_path: Path) -> None:
    """Also for weights and numbers of rows that they did not see. What is damaged is compiled anew."""
    process = subprocess.run(
        [sys.executable, "-c", COMPILE_IN_PROCESSES, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=1100,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    first, second = (tuple(map(float, line.split())) for line in process.stdout.splitlines())
    assert first[:2] == (4, 0), "loaded and compiled graphs"
    assert second[0] == 0
    assert second[1] >= 2, "one for each kind of block"
    assert max(first[2], second[2]) < 1e-4
    assert process.stderr.count("is compiled anew") == 4


# In a process of its own, as the folder of the compile cache cannot be changed later; on a network that is quickly
# compiled on a CPU.
COMPILE_IN_PROCESSES = """
import sys
from pathlib import Path
import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from worker.engine import compiler
from worker.engine.compile_examples import ExampleCollector
from worker.engine.compile_processes import CompileProcesses
from worker.engine.saved_graphs import SavedGraphs

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.residual = ResnetBlock2D(in_channels=32, out_channels=32, temb_channels=16)
        self.transformer = BasicTransformerBlock(32, 2, 16, cross_attention_dim=24)
        self.another = BasicTransformerBlock(32, 2, 16, cross_attention_dim=24)
        self.to(memory_format=torch.channels_last)

    def forward(self, count):
        x = torch.randn(count, 32, 8, 8).to(memory_format=torch.channels_last)
        x = self.residual(x, torch.randn(count, 16))
        tokens = x.permute(0, 2, 3, 1).reshape(count, -1, 32)
        for transformer in (self.transformer, self.another):
            tokens = transformer(tokens, encoder_hidden_states=torch.randn(count, 5, 24))
        return tokens

def run(network, replaced):
    torch.manual_seed(0)
    with replaced, torch.inference_mode():
        return torch.cat([network(count) for count in (2, 1, 6)])

cache = Path(sys.argv[1])
compiler.set_up(cache)
torch.backends.nnpack.set_flags(False)
network = Network().eval().requires_grad_(False)
collector = ExampleCollector()
expected = run(network, collector([network]))
with CompileProcesses(2, cache, torch.device("cpu")) as processes:
    processes.compile(collector.examples)
for _ in range(2):
    compile_blocks = compiler.BlockCompiler(load=SavedGraphs(cache, torch.device("cpu")).load)
    drawn = run(network, compile_blocks([network]))
    print(compile_blocks.loaded, compiler.graphs(), float((drawn - expected).abs().max()))
    for file in cache.glob("graphs-*/*"):
        file.write_bytes(b"damaged")
"""


@pytest.mark.slow
def test_a_compile_process_that_fails_is_named_and_leaves_its_part_to_the_worker(stock: Any, tmp_path: Path) -> None:
    model = engine_model(stock, native_size=SIDE)
    with CompileProcesses(1, tmp_path, torch.device("cuda:99")) as processes:
        answer = fill_cache(model, processes)
    assert not answer.is_on
    assert "1 of 1 compile processes failed" in answer.reason


@pytest.mark.parametrize(
    ("wanted", "cores", "card_gib", "count"),
    [
        (None, 16, 139.0, 14),
        (None, 64, 139.0, 14),
        (None, 16, 22.0, 7),
        (None, 6, 139.0, 4),
        (None, 3, 139.0, 1),
        (None, 1, 139.0, 0),
        (0, 16, 139.0, 0),
        (12, 2, 8.0, 12),
    ],
)
def test_all_cores_but_two_compile_if_there_is_memory(
    monkeypatch: pytest.MonkeyPatch, wanted: int | None, cores: int, card_gib: float, count: int
) -> None:
    monkeypatch.setattr(compile_processes, "available_gib", lambda: 100.0)
    assert how_many(wanted, cores, card_gib=card_gib) == count


def test_fewer_processes_compile_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_processes, "available_gib", lambda: 9.0)
    assert how_many(None, 16, card_gib=139.0) == 2


@pytest.mark.parametrize(
    ("cards", "cores", "memory_gib", "count"),
    [(8, 192, 1900.0, 14), (4, 32, 400.0, 6), (4, 192, 64.0, 4), (4, 4, 400.0, 0)],
)
def test_workers_that_start_together_share_the_machine(
    monkeypatch: pytest.MonkeyPatch, cards: int, cores: int, memory_gib: float, count: int
) -> None:
    monkeypatch.setattr(compile_processes, "available_gib", lambda: memory_gib)
    assert how_many(None, cores, card_gib=79.0, cards=cards) == count


def test_the_memory_that_a_container_leaves_is_what_is_available(tmp_path: Path) -> None:
    whole = available_gib(tmp_path)
    assert whole > 0
    (tmp_path / "memory.current").write_text(f"{3 * GIB}\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert available_gib(tmp_path) == pytest.approx(whole, rel=0.2), "no limit"
    (tmp_path / "memory.max").write_text(f"{3 * GIB + GIB // 4}\n")
    assert available_gib(tmp_path) == 0.25


@pytest.mark.parametrize("chosen", [None, default_cache_dir(), "/elsewhere"])
def test_the_compile_cache_is_where_the_settings_say_unless_the_environment_chose_another(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    """PyTorch sets its default in the environment when it is imported, which is no choice."""
    monkeypatch.setenv(compiler.CACHE_VARIABLE, chosen or "")
    if chosen is None:
        monkeypatch.delenv(compiler.CACHE_VARIABLE)
    expected = Path("/elsewhere" if chosen == "/elsewhere" else "/ours")
    assert compiler.cache_folder(Path("/ours")) == expected
    compiler.set_up(Path("/ours"))
    assert os.environ[compiler.CACHE_VARIABLE] == str(expected)


def test_a_compile_process_that_hangs_before_it_reads_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A model is loaded once it has been, however many examples nobody takes."""
    monkeypatch.setattr(compile_processes, "TIMEOUT_S", 0.0)
    examples: list[Any] = [SimpleNamespace(weight=b"0" * 2**15) for _ in range(100)]
    others = psutil.Process().children()  # such as Redis
    with CompileProcesses(1, tmp_path, torch.device("cpu")) as processes:
        (hanging,) = set(psutil.Process().children()) - {*others}
        hanging.suspend()
        with pytest.raises(RuntimeError, match=r"1 of 1 compile processes failed, with exit codes \[-9\]"):
            processes.compile(examples)


class EndlessExample:
    """Takes hours to compile, and says so in the compile cache."""

    def compile(self, _device: torch.device, graphs: SavedGraphs) -> None:
        (graphs.folder.parent / str(os.getpid())).touch()
        time.sleep(3600)


DIES_WHILE_IT_COMPILES = """
import os, sys, threading, time
from pathlib import Path
import torch
from tests.worker.test_compiler import EndlessExample
from worker.engine.compile_processes import CompileProcesses

cache = Path(sys.argv[1])
processes = CompileProcesses(1, cache, torch.device("cpu"))
threading.Thread(target=processes.compile, args=([EndlessExample()],)).start()
while not list(cache.iterdir()):
    time.sleep(0.05)
os._exit(0)
"""


@pytest.mark.slow
def test_a_compile_process_ends_when_its_worker_dies(tmp_path: Path) -> None:
    """The next worker would find less free memory on the card, and draw fewer pictures together for good."""
    subprocess.run([sys.executable, "-c", DIES_WHILE_IT_COMPILES, str(tmp_path)], timeout=120, check=True)
    (pid,) = (int(file.name) for file in tmp_path.iterdir())
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(60)


def test_compile_processes_that_get_nothing_to_do_end(tmp_path: Path) -> None:
    with CompileProcesses(2, tmp_path, torch.device("cpu")) as processes:
        assert len(processes) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_networks_of_the_same_structure_share_graphs(stock: Any) -> None:
    model, other = engine_model(stock), engine_model(pipeline_as_on_a_gpu())
    compile_blocks = compiler.BlockCompiler(backend="eager")
    for one in (model, other):
        denoiser_of(one).compile(compile_blocks, (SIDE, SIDE))
        step(one, request_of())
    assert compiler.graphs() == kinds_of_blocks(model)


def test_only_blocks_with_the_same_settings_share_graphs() -> None:
    blocks = [
        BasicTransformerBlock(32, heads, 32 // heads, norm_eps=eps) for heads, eps in ((2, 1), (2, 1), (4, 1), (2, 2))
    ]
    kinds = [next(compiler.parts_of(block)).kind for block in blocks]
    assert kinds[0] == kinds[1]
    assert len(set(kinds)) == 3


def test_equal_numbers_of_another_type_are_the_same_setting() -> None:
    """Graphs on disk are named after kinds: in SDXL's VAE the encoder's 1.0 hid the graph saved for the decoder's 1."""
    blocks = [ResnetBlock2D(in_channels=32, temb_channels=None, output_scale_factor=scale) for scale in (1, 1.0)]
    first, second = (next(compiler.parts_of(block)).kind for block in blocks)
    assert repr(first) == repr(second)


def test_where_transformers_begin_and_end_their_blocks_do_not_matter() -> None:
    """One with more blocks, or with 8-bit ones, shares their graphs, and an example holds no block."""
    makers = {"in_channels": 32, "norm_num_groups": 8, "use_linear_projection": True, "cross_attention_dim": 16}
    one, two = (Transformer2DModel(2, 16, num_layers=count, **makers) for count in (1, 2))
    collector = ExampleCollector()
    with collector([two]):
        two(torch.randn(2, 32, 4, 4), encoder_hidden_states=torch.randn(2, 3, 16), return_dict=False)
    ends = [example.part for example in collector.examples if example.part.method != "forward"]
    assert len(ends) == 2
    for end in ends:
        assert not any(isinstance(module, BasicTransformerBlock) for module in end.block.modules())
        assert {end.kind} == {Part(whole, end.method).kind for whole in (one, two, float8.to_float8(one))}


def test_a_call_that_fits_no_saved_graph_is_compiled() -> None:
    class Saved:
        def __init__(self, fits: int) -> None:
            self._fits = fits

        def guard_check(self, number: int) -> bool:
            return number == self._fits

        def __call__(self, number: int) -> str:
            return f"saved {number}"

    ran = [
        compiler.run_what_fits([Saved(1), Saved(2)], lambda number: f"compiled {number}", call) for call in (1, 2, 3)
    ]
    assert ran == ["saved 1", "saved 2", "compiled 3"]


def test_blocks_run_uncompiled_once_the_step_is_over_even_if_it_fails(stock: Any) -> None:
    parts = list(compiler.parts_of(stock.unet))
    with compiler.BlockCompiler(backend="eager")([stock.unet]):
        assert all(part.method in vars(part.block) for part in parts)
    with pytest.raises(ValueError, match="injected"), compiler.BlockCompiler(backend="eager")([stock.unet]):
        raise ValueError("injected")
    assert not any(part.method in vars(part.block) for part in parts)


def test_nothing_is_compiled_once_jobs_are_served(stock: Any) -> None:
    model = engine_model(stock)
    denoiser_of(model).compile(compiler.BlockCompiler(backend="eager"), (SIDE, SIDE))
    plain = engine_model(pipeline_as_on_a_gpu())
    run_uncompiled(plain)
    compiler.freeze()
    assert torch.equal(step(model, request_of()), step(plain, request_of()))
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
    monkeypatch.setattr(compiler, "compiled", failing(RuntimeError("no such instruction\nat line 7")))
    setup = compile_model(model, Setup(float8=Answer(True)))
    failed = Answer(False, "RuntimeError: no such instruction")
    assert (setup.torch_compile, setup.vae_compile) == (failed, failed)
    assert setup.float8 == Answer(False, "compiling failed")
    assert model.networks[Quality.FAST] is exact
    assert step(model, request_of(256)).isfinite().all()


class BrokenGraph:
    """A saved graph that loads and fits, and fails when it runs."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def guard_check(self, *_arguments: Any, **_options: Any) -> bool:
        return True

    def __call__(self, *_arguments: Any, **_options: Any) -> Any:
        raise self._error


BROKEN = RuntimeError("Triton Error [CUDA]: device kernel image is invalid")


def test_where_a_saved_graph_fails_when_it_runs_all_are_compiled_anew(
    stock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, compiled_here = engine_model(stock), []
    monkeypatch.setattr(SavedGraphs, "load", lambda *_part: [BrokenGraph(BROKEN)])
    monkeypatch.setattr(compiler, "compiled", lambda function, _backend: compiled_here.append(function) or function)
    answer = compile_networks(model)
    assert answer == Answer(True, "0 graphs, 0 of them compiled at this start, for 256 x 256 pixels")
    assert compile_decoder(model) == answer
    assert compiled_here
    assert step(model, request_of(256)).isfinite().all()
    assert model.decoder.decode(noise(256)).size == (256, 256)
    assert caplog.text.count(f"the saved graphs are not used: {BROKEN}") == 2, "of the networks and of the VAE"


def test_where_saved_graphs_do_not_fit_into_memory_nothing_is_compiled_anew(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine_model(stock)
    monkeypatch.setattr(SavedGraphs, "load", lambda *_part: [BrokenGraph(torch.OutOfMemoryError("injected"))])
    monkeypatch.setattr(compiler, "compiled", lambda function, _backend: function)
    assert compile_networks(model) == Answer(False, "OutOfMemoryError: injected")
    assert model.batch_limit == 8, "uncompiled, more may fit"
    assert step(model, request_of(256)).isfinite().all()


def test_where_the_largest_batch_does_not_fit_the_batch_limit_is_lowered_and_the_networks_stay_compiled(
    stock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = engine_model(stock, batch_limit=8)

    def fitting(function: Callable[..., Any], _backend: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if any(isinstance(value, torch.Tensor) and len(value) > 11 for value in (*arguments, *options.values())):
                raise torch.OutOfMemoryError("injected")
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(compiler, "compiled", fitting)
    assert compile_networks(model).is_on
    assert model.batch_limit == 5, "guided, so of ten rows"
    assert "8 pictures do not fit into memory: the limit is 5" in caplog.text


def test_a_device_that_is_lost_while_compiling_is_not_run_eagerly(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, lost = engine_model(stock), RuntimeError("CUDA error: an illegal memory access")
    monkeypatch.setattr(compiler, "compiled", failing(lost))
    monkeypatch.setattr(torch, "ones", failing(lost)())
    with pytest.raises(DeviceLost):
        compile_networks(model)
    with pytest.raises(DeviceLost):
        compile_decoder(model)


def test_where_compiling_fails_as_on_a_lost_device_that_still_computes_everything_runs_eagerly(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the worker would start again and fail again, without end."""
    model = engine_model(stock)
    error = RuntimeError("Triton Error [CUDA]: device kernel image is invalid")
    monkeypatch.setattr(compiler, "compiled", failing(error))
    answers = compile_networks(model), compile_decoder(model)
    assert set(map(str, answers)) == {f"no: RuntimeError: {error}"}
    assert step(model, request_of(256)).isfinite().all()


def noise(side: int = SIDE) -> torch.Tensor:
    """Return latents of the embedded model's VAE for a picture with this side."""
    return torch.randn(1, 16, side // 8, side // 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
def test_the_vaes_graphs_decode_pictures_of_the_models_own_size(stock: Any) -> None:
    model, plain = engine_model(stock), engine_model(stock)
    model.decoder.compile(compiler.BlockCompiler(backend="eager"), (SIDE, SIDE))
    graphs = []
    for side in (SIDE, SIDE, 2 * SIDE):
        assert model.decoder.decode(noise(side)).tobytes() == plain.decoder.decode(noise(side)).tobytes()
        graphs.append(compiler.graphs())
    assert graphs == [graphs[0]] * 3
    assert graphs[0] > 1


@pytest.mark.slow
def test_the_decoders_thread_uses_what_the_engines_thread_compiled(stock: Any) -> None:
    """If a graph's guards failed, it would silently run eagerly; here it would raise."""
    model = engine_model(stock)
    model.decoder.compile(compiler.BlockCompiler(backend="eager"), (SIDE, SIDE))
    model.decoder.decode(noise())
    torch.compiler.set_stance("fail_on_recompile")
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(model.decoder.decode, noise()).result().size == (SIDE, SIDE)
    model.decoder.compile(compiler.BlockCompiler(backend="eager"), (2 * SIDE, 2 * SIDE))
    with pytest.raises(RuntimeError, match="recompile"):
        model.decoder.decode(noise(2 * SIDE))


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


def test_the_decoder_is_warmed_up_with_latents_that_do_not_overflow(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A VAE in float16 that overflowed there would run uncompiled, although it decodes pictures."""
    model, decoded = engine_model(stock, native_size=SIDE), []
    monkeypatch.setattr(model.decoder, "decode", decoded.append)
    model.warm_up_decoder()
    (latents,) = decoded
    assert latents.shape == model.row(request_of()).latents.shape
    assert latents.abs().max() < 1


def test_a_vae_that_cannot_be_compiled_decodes_eagerly_and_the_networks_stay_compiled(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine_model(stock)
    monkeypatch.setattr(compiler, "compiled", failing(RuntimeError("no such instruction")))
    assert compile_decoder(model) == Answer(False, "RuntimeError: no such instruction")
    assert model.decoder.decode(noise(256)).size == (256, 256)


def test_a_vae_that_does_not_fit_is_decoded_in_tiles_without_compiling_anew(
    stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine_model(stock)
    monkeypatch.setattr(compiler, "compiled", failing(torch.OutOfMemoryError("injected")))
    model.decoder.compile(compiler.BlockCompiler(), (SIDE, SIDE))
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
@COMPILES
def test_compiled_networks_draw_the_same_picture(stock: Any) -> None:
    """With the real compiler, which makes at most two graphs per kind of block, and none after the warm-up."""
    model, plain = engine_model(stock), engine_model(pipeline_as_on_a_gpu())
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
@COMPILES
def test_a_compiled_vae_decodes_the_same_picture(stock: Any) -> None:
    """With the real compiler."""
    model = engine_model(stock)
    model.decoder.compile(compiler.BlockCompiler(), (SIDE, SIDE))
    ours, plain = (np.asarray(one.decoder.decode(noise()), np.int16) for one in (model, engine_model(stock)))
    assert np.abs(ours - plain).max() <= 1
