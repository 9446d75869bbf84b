"""Networks compiled by torch.compile: one graph for any number of rows, and no compilation while jobs are served.

The number of rows is a dynamic dimension. PyTorch specialises on sizes 0 and 1. `backed_size_oblivious` keeps the
tracer from doing so, but the code generator (2.13) still needs a separate graph for a single row.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

# Graphs per function. Three qualities with two graphs each make six. PyTorch's default limit is eight; beyond it,
# calls run eagerly without a warning.
RECOMPILE_LIMIT = 16


def set_up(cache: Path) -> None:
    """Configure the compiler for this process.

    Args:
        cache: folder for compiled kernels, so that later starts are quick.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
    torch.fx.experimental._config.backed_size_oblivious = True
    torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT


def try_out(device: torch.device) -> None:
    """Compile and run a small function. Raises the compiler's errors, for example when no C compiler is found."""
    x = torch.ones(8, device=device)
    torch.compile(lambda x: (x * 2 + 1).sum(), fullgraph=True)(x).item()


def compiled(function: Callable[..., Any], backend: str = "inductor") -> Callable[..., Any]:
    """Return a function of networks and tensors, compiled for any size of the tensors' first dimension."""
    network = torch.compile(function, fullgraph=True, backend=backend)

    def call(*arguments: Any) -> Any:
        for leaf in tree_leaves(arguments):
            if isinstance(leaf, torch.Tensor):
                torch._dynamo.mark_dynamic(leaf, 0)
        return network(*arguments)

    return call


def compiled_for_one(function: Callable[..., Any], backend: str = "inductor") -> Callable[..., Any]:
    """Return a function of networks and tensors, compiled for the sizes of its first call."""
    return torch.compile(function, fullgraph=True, dynamic=False, backend=backend)


def freeze() -> None:
    """Compile nothing more. A call that fits no graph runs eagerly, since compiling would delay every job."""
    torch.compiler.set_stance("eager_on_recompile")


def graphs() -> int:
    """Return the number of graphs compiled so far."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])
