"""Examples of calls, from which another process compiles the same graphs."""

import copy
import logging
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from typing import Any, Self

import torch
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map_only

from worker.engine.compiler import Part, ReplacedMethods, compiled, own_modules
from worker.engine.faults import Failure, attempt, outcome_of
from worker.engine.saved_graphs import SavedGraphs

logger = logging.getLogger("engine")

# A call's arguments and options, with tensors or with their forms.
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class TensorForm:
    """What a graph knows of a tensor."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Self:
        """Return a tensor's form."""
        return cls(tuple(tensor.shape), tensor.stride(), tensor.dtype)

    def tensor(self, device: torch.device) -> torch.Tensor:
        """Return a tensor of this form, with any values."""
        return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device=device)


@dataclass(frozen=True, slots=True)
class Example:
    """A part of a network, without its weights' values, and a call of it."""

    part: Part
    call: Arguments

    def compile(self, device: torch.device, graphs: SavedGraphs) -> None:
        """Compile the call's graph on a device and save it, or at least leave its code in the compile cache.

        An earlier start may have saved it.

        Raises:
            Exception: PyTorch's error, if the call can be compiled in neither way.
        """
        if graphs.has(self.part, _graph_of(self.call)):
            return
        self.part.block.to_empty(device=device)
        with torch.inference_mode():
            arguments, options = tree_map_only(TensorForm, lambda form: form.tensor(device), self.call)
            graph = self._saved(graphs, arguments, options)
            if graph is None:
                compiled(self.part.function)(self.part.block, *arguments, **options)
                return
            # The first run of a kernel measures its variants, and notes the fastest beside it.
            failure = attempt(partial(graph, self.part.block, *arguments, **options))
            if failure is not None:
                logger.warning("a graph cannot be run: %s", failure.error)

    def _saved(self, graphs: SavedGraphs, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
        """Compile the call's graph, save it and return it; None if it cannot be."""
        graph = outcome_of(partial(graphs.save, self.part, _graph_of(self.call), arguments, options))
        if isinstance(graph, Failure):
            logger.warning("a graph cannot be saved: %s", graph.error)
            return None
        return graph


class ExampleCollector:
    """Runs networks uncompiled, and notes what has to be compiled for them."""

    def __init__(self) -> None:
        self._parts: dict[Hashable, Part] = {}
        self._calls: dict[Hashable, dict[Hashable, Arguments]] = {}

    def __call__(self, networks: Iterable[nn.Module]) -> ReplacedMethods:
        """Return the parts of networks, whose calls are noted."""
        return ReplacedMethods(networks, self._noting)

    @property
    def examples(self) -> list[Example]:
        """A call for each graph, in the order in which several processes compile them soonest.

        Large blocks come first, and one graph of every kind before another of any: they share kernels, which are in the
        compile cache by then.
        """
        parts = {kind: replace(part, block=_without_values(part.block)) for kind, part in self._parts.items()}
        kinds = sorted(parts, key=lambda kind: _size(parts[kind]), reverse=True)
        rounds = zip_longest(*(self._calls[kind].values() for kind in kinds))
        return [Example(parts[kind], call) for calls in rounds for kind, call in zip(kinds, calls, strict=True) if call]

    def _noting(self, part: Part) -> Callable[..., Any]:
        return partial(self._note, part, part.kind)

    def _note(self, part: Part, kind: Hashable, block: nn.Module, *arguments: Any, **options: Any) -> Any:
        call: Arguments = tree_map_only(torch.Tensor, TensorForm.of, (arguments, options))
        self._parts.setdefault(kind, part)
        self._calls.setdefault(kind, {}).setdefault(_graph_of(call), call)
        return part.function(block, *arguments, **options)


def _size(part: Part) -> int:
    """Return how much of a part runs: where a transformer begins and ends, one layer does, and none of its blocks."""
    return len(list(part.block.modules())) if part.method == "forward" else 1


def _without_values(block: nn.Module) -> nn.Module:
    """Return a copy of a block whose tensors have no memory, without the blocks in it that are compiled themselves."""
    own = [module for _, module in own_modules(block)]
    memo: dict[int, Any] = {id(child): None for module in own for child in module.children() if child not in own}
    memo |= {id(buffer): torch.empty_like(buffer, device="meta") for buffer in block.buffers()}
    for parameter in block.parameters():
        empty = torch.empty_like(parameter, device="meta")
        memo[id(parameter)] = nn.Parameter(empty, requires_grad=parameter.requires_grad)
    return copy.deepcopy(block, memo)


def _graph_of(call: Arguments) -> Hashable:
    """Return what calls share that can share a graph: all shapes but the number of rows, if there are several."""
    forms = [leaf for leaf in tree_leaves(call) if isinstance(leaf, TensorForm)]
    return tuple((form.shape[0] > 1, form.shape[1:], form.stride[1:], form.dtype) for form in forms)
