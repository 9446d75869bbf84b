"""Networks compiled by torch.compile: block by block, for any number of rows, and never while jobs are served.

The number of rows is a dynamic dimension. PyTorch specialises on sizes 0 and 1. `backed_size_oblivious` keeps the
tracer from doing so (since 2.13), but the code generator still needs a separate graph for a single row.
"""

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch import nn

# The blocks that networks of SDXL's structure consist of.
REPEATED = (BasicTransformerBlock, ResnetBlock2D)
# Graphs per kind of block; two are expected. Beyond the limit, calls run eagerly without a warning.
RECOMPILE_LIMIT = 16


def set_up(cache: Path) -> None:
    """Configure the compiler for this process.

    Args:
        cache: folder for compiled kernels, so that later starts are quick.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
    torch.fx.experimental._config.backed_size_oblivious = True
    torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT


def has_graphs(cache: Path) -> bool:
    """Return whether a folder for compiled kernels, or the one set in the environment, holds those of a graph."""
    return (Path(os.environ.get("TORCHINDUCTOR_CACHE_DIR", cache)) / "fxgraph").is_dir()


def start_pool() -> None:
    """Start the processes that compile a GPU's kernels. PyTorch itself does so only when it compiles a first graph."""
    from torch._inductor.async_compile import maybe_warm_pool  # noqa: PLC0415  # takes seconds to import

    maybe_warm_pool()


def wait_for_pool() -> None:
    """Wait until these processes are ready. Until then, the calling thread compiles the kernels, one by one.

    Raises:
        RuntimeError: there are none.
    """
    from torch._inductor.async_compile import AsyncCompile  # noqa: PLC0415  # takes seconds to import

    AsyncCompile.wait_pool_ready()
    if not AsyncCompile.use_process_pool():  # type: ignore[no-untyped-call]
        raise RuntimeError("PyTorch is set to compile in one process")


def try_out(device: torch.device) -> None:
    """Compile and run a small function. Raises the compiler's errors, for example when no C compiler is found."""
    x = torch.ones(8, device=device)
    torch.compile(lambda x: (x * 2 + 1).sum(), fullgraph=True)(x).item()


class BlockCompiler:
    """Compiles networks' repeated blocks, each kind once, for any number of rows.

    SDXL and its ControlNet spend nearly all of their time in 129 blocks of 14 kinds.
    """

    def __init__(self, backend: str = "inductor", least_rows: int = 1) -> None:
        """Compile by ``backend``. Calls with fewer rows than ``least_rows`` run uncompiled."""
        self._backend = backend
        self._least_rows = least_rows
        self._functions: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, networks: Iterable[nn.Module]) -> "CompiledBlocks":
        """Return the compiled blocks of networks; the first step in which they run compiles them."""
        blocks = (block for network in networks for block in network.modules() if isinstance(block, REPEATED))
        return CompiledBlocks([(block, partial(self._function(block), block)) for block in blocks])

    def _function(self, block: nn.Module) -> Callable[..., Any]:
        kind = kind_of(block)
        if kind not in self._functions:
            self._functions[kind] = compiled_forward(type(block).forward, self._backend, self._least_rows)
        return self._functions[kind]


class CompiledBlocks:
    """Blocks of networks that run compiled inside a ``with`` block, and uncompiled outside."""

    def __init__(self, forwards: Sequence[tuple[nn.Module, Callable[..., Any]]]) -> None:
        self._forwards = forwards

    def __enter__(self) -> None:
        for block, forward in self._forwards:
            block.__dict__["forward"] = forward  # hides the class's; `nn.Module` would look for parameters first

    def __exit__(self, *_: object) -> None:
        for block, _forward in self._forwards:
            del block.__dict__["forward"]


def compiled_forward(uncompiled: Callable[..., Any], backend: str, least_rows: int) -> Callable[..., Any]:
    """Return a class's `forward`, compiled for any size of the tensors' first dimension from ``least_rows`` on."""

    def forward(block: nn.Module, *arguments: Any, **options: Any) -> Any:
        return uncompiled(block, *arguments, **options)

    # Dynamo keeps graphs by code object, and looks through all of one, so each kind of block gets its own.
    forward.__code__ = forward.__code__.replace()
    compiled = torch.compile(forward, fullgraph=True, backend=backend)

    def call(block: nn.Module, *arguments: Any, **options: Any) -> Any:
        tensors = [value for value in (*arguments, *options.values()) if isinstance(value, torch.Tensor)]
        if any(len(tensor) < least_rows for tensor in tensors):
            return uncompiled(block, *arguments, **options)
        for tensor in tensors:
            torch._dynamo.mark_dynamic(tensor, 0)
        return compiled(block, *arguments, **options)

    return call


def kind_of(block: nn.Module) -> Hashable:
    """Return what blocks share that can share graphs: their class, and their tensors' names, shapes and types."""
    tensors = (*block.named_parameters(), *block.named_buffers())
    return type(block), tuple((name, tensor.shape, tensor.dtype) for name, tensor in tensors)


def compiled_for_one(function: Callable[..., Any], backend: str = "inductor") -> Callable[..., Any]:
    """Return a function of networks and tensors, compiled for the sizes of its first call."""
    return torch.compile(function, fullgraph=True, dynamic=False, backend=backend)


def freeze() -> None:
    """Compile nothing more. A call that fits no graph runs eagerly, since compiling would delay every job."""
    torch.compiler.set_stance("eager_on_recompile")


def graphs() -> int:
    """Return the number of graphs compiled so far."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])
