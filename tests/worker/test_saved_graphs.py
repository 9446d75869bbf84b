"""Graphs on disk: which ones are kept, which ones fit, and when other processes fill the folder. On a small network."""

import errno
import os
import pickle
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch
from torch import nn

from shared.settings import Settings
from worker import compilation
from worker.compilation import MOST_FILLS, note_start, start_processes
from worker.engine import compiler
from worker.engine.compile_examples import ExampleCollector
from worker.engine.compiler import BlockCompiler, Part, compiled
from worker.engine.saved_graphs import SavedGraphs
from worker.model_setup import Answer, Setup

CPU = torch.device("cpu")
YES = Answer(True)


class Block(nn.Module):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number  # a setting, so that each is of its own kind
        self.layer = nn.Linear(8, 8)

    def forward(self, tokens: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return torch.relu(tokens + self.layer(time)[:, None])


class Network(nn.Module):
    """Three blocks that all get the same tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(map(Block, range(3)))

    def forward(self, rows: int, tokens: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(rows)
        hidden, time = (torch.randn(*shape, generator=generator) for shape in ((rows, tokens, 8), (rows, 8)))
        for block in self.blocks:
            hidden = block(hidden, time)
        return hidden


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """A network whose blocks are compiled; the process's compiler is restored afterwards."""
    monkeypatch.setitem(compiler.REPEATED, Block, {"forward": Block.forward})  # type: ignore[index]
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    changes = {"automatic_dynamic_shapes": False, "recompile_limit": compiler.RECOMPILE_LIMIT}
    with torch.fx.experimental._config.patch(backed_size_oblivious=True), torch._dynamo.config.patch(changes):
        yield Network().eval().requires_grad_(False)
    torch.compiler.set_stance("default")


@torch.inference_mode()
def run(network: Network, context: AbstractContextManager[object], rows: int = 2, tokens: int = 4) -> torch.Tensor:
    with context:
        return network(rows, tokens)


def fill(network: Network, graphs: SavedGraphs, tokens: int) -> None:
    """Save the graphs of a step, as compile processes do."""
    collector = ExampleCollector()
    run(network, collector([network]), tokens=tokens)
    for example in pickle.loads(pickle.dumps(collector.examples)):  # noqa: S301
        example.compile(CPU, graphs)


def start(network: Network, graphs: SavedGraphs, tokens: int) -> int:
    """Run a step with saved graphs, as a worker does that starts; return how many had to be compiled."""
    before, compile_blocks = compiler.graphs(), BlockCompiler(load=graphs.load)
    expected = run(network, nullcontext(), rows=3, tokens=tokens)
    drawn = run(network, compile_blocks([network]), rows=3, tokens=tokens)
    assert torch.allclose(drawn, expected, atol=1e-5)
    return compiler.graphs() - before


@pytest.mark.slow
def test_graphs_of_another_size_stay(network: Network, tmp_path: Path) -> None:
    """As after `default_size` was changed, and changed back."""
    graphs = SavedGraphs(tmp_path, CPU)
    for tokens in (4, 6):
        fill(network, graphs, tokens)
        assert start(network, graphs, tokens) == 0
    assert start(network, graphs, tokens=4) == 0


@pytest.mark.slow
def test_where_a_graph_is_missing_those_of_other_blocks_still_fit(network: Network, tmp_path: Path) -> None:
    """The blocks get the same tensor, and PyTorch notes in it what it was compiled for."""
    graphs = SavedGraphs(tmp_path, CPU)
    fill(network, graphs, tokens=4)
    first = sorted(graphs.folder.iterdir())[0]
    first.unlink()
    assert start(network, graphs, tokens=4) == 1


@pytest.mark.slow
def test_a_start_that_fills_the_cache_again_compiles_only_what_is_missing_or_damaged(
    network: Network, tmp_path: Path
) -> None:
    graphs = SavedGraphs(tmp_path, CPU)
    fill(network, graphs, tokens=4)
    missing, damaged, *whole = files = sorted(graphs.folder.iterdir())
    written = [file.stat().st_mtime_ns for file in whole]
    missing.unlink()
    damaged.write_bytes(b"damaged")
    assert start(network, graphs, tokens=4) == 2
    assert sorted(graphs.folder.iterdir()) == whole
    fill(network, graphs, tokens=4)
    assert sorted(graphs.folder.iterdir()) == files
    assert [file.stat().st_mtime_ns for file in whole] == written
    graphs.clear()
    assert [*graphs.folder.iterdir()] == []


def test_what_can_be_compiled_in_no_way_fails_its_process(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the status says so, and the worker compiles itself."""
    collector = ExampleCollector()
    run(network, collector([network]))

    def fail(*_arguments: object, **_options: object) -> NoReturn:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(SavedGraphs, "save", fail)
    monkeypatch.setattr("worker.engine.compile_examples.compiled", lambda _function: fail)
    with pytest.raises(RuntimeError, match="no compiler"):
        collector.examples[0].compile(CPU, SavedGraphs(tmp_path, CPU))


def test_calls_leave_no_marks_in_their_tensors(network: Network) -> None:
    tokens, time = torch.randn(2, 4, 8), torch.randn(2, 8)
    compiled(Block.forward, backend="eager")(network.blocks[0], tokens, time=time)
    assert not vars(tokens)
    assert not vars(time)


@dataclass
class Graph:
    """Is saved byte by byte, and read meanwhile."""

    folder: Path
    seen: list[str]

    def aot_compile(self, _example: Any) -> "Graph":
        return self

    def save_compiled_function(self, path: str) -> None:
        Path(path).write_bytes(b"half")
        self.seen += [file.name for file in self.folder.glob("[!.]*")]


def test_a_graph_is_never_seen_half_written(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs, part = SavedGraphs(tmp_path, CPU), Part(network.blocks[0], "forward")
    graph = Graph(graphs.folder, [])
    monkeypatch.setattr(torch, "compile", lambda *_function, **_options: graph)
    assert graphs.save(part, "forms", [], {}) is graph
    assert graph.seen == []
    assert len(list(graphs.folder.iterdir())) == 1


def test_a_full_disk_keeps_no_part_of_a_graph(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Large(Graph):
        def save_compiled_function(self, path: str) -> None:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    graphs = SavedGraphs(tmp_path, CPU)
    monkeypatch.setattr(torch, "compile", lambda *_function, **_options: Large(graphs.folder, []))
    with pytest.raises(OSError, match="No space left"):
        graphs.save(Part(network.blocks[0], "forward"), "forms", [], {})
    assert not list(graphs.folder.iterdir())


def test_each_card_has_graphs_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their code and their guards name the device."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "NVIDIA H200")
    first, second = (SavedGraphs(tmp_path, torch.device("cuda", index)).folder for index in (0, 1))
    assert first != second
    assert SavedGraphs(tmp_path, torch.device("cuda")).folder == first


class Starts:
    """Starts of a worker with a GPU, which note whether the compile cache was filled."""

    def __init__(self, settings: Settings, cache: Path) -> None:
        worker = settings.worker.model_copy(update={"compile_cache": str(cache), "compile_processes": 2})
        self._settings = settings.model_copy(update={"worker": worker})
        self._gpu: Any = SimpleNamespace(
            is_gpu=True, device=CPU, free_gib=22.0, profile=SimpleNamespace(torch_compile=True)
        )

    def start(self, compiled: int, answer: Answer = YES) -> bool:
        """Start, and compile so many graphs in the worker; return whether processes compiled before."""
        with start_processes(self._settings, self._gpu) as processes:
            note_start(self._settings, self._gpu, Setup(torch_compile=answer), compiled=compiled)
            return processes is not None


class NoProcesses(nullcontext[object]):
    def __init__(self, *_arguments: Any) -> None:
        super().__init__(self)


@pytest.fixture
def starts(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starts:
    monkeypatch.delitem(os.environ, compiler.CACHE_VARIABLE, raising=False)
    monkeypatch.setattr(compilation, "CompileProcesses", NoProcesses)
    return Starts(settings, tmp_path)


@pytest.mark.parametrize(
    ("compiled", "with_processes"),
    [
        ([0, 0, 0], [True, False, False]),
        ([7, 0, 0], [True, True, False]),
        ([0, 7, 0, 0], [True, False, True, False]),
        ([1] * (MOST_FILLS + 2), [True] * MOST_FILLS + [False] * 2),
    ],
    ids=["filled", "a process failed", "the cache was emptied", "a graph that cannot be saved"],
)
def test_processes_compile_until_a_start_finds_all_graphs(
    starts: Starts, compiled: Sequence[int], with_processes: list[bool]
) -> None:
    assert [starts.start(count) for count in compiled] == with_processes


def test_a_start_that_cannot_compile_says_nothing_of_the_cache(starts: Starts) -> None:
    assert [starts.start(0, Answer(False, "no compiler")) for _ in range(2)] == [True, True]
