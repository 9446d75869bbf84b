"""Networks compiled by torch.compile: one graph for any number of rows, and nothing compiled once jobs are served.

The number of rows is a dynamic dimension. PyTorch takes 0 and 1 for special sizes; `backed_size_oblivious` lets its
tracer make no difference, but the code generator (2.13) still wants a graph of its own for a single row.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

# Of one function. Three qualities with two graphs each are six; PyTorch's own limit is eight, and beyond it everything
# runs eagerly without a word.
RECOMPILE_LIMIT = 16


def set_up(cache: Path) -> None:
    """Configure the compiler for this process.

    Args:
        cache: folder where compiled kernels are kept, so that a later start is quick.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
    torch.fx.experimental._config.backed_size_oblivious = True
    torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT


def try_out(device: torch.device) -> None:
    """Compile a small function and run it; raises what the compiler raises, as where no C compiler is found."""
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
    """Return a function of networks and tensors, compiled for the sizes that it is first called with."""
    return torch.compile(function, fullgraph=True, dynamic=False, backend=backend)


def freeze() -> None:
    """Compile nothing more: a call that no graph fits runs eagerly, where compiling would hold up every job."""
    torch.compiler.set_stance("eager_on_recompile")


def graphs() -> int:
    """Return how many graphs were compiled so far."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])
