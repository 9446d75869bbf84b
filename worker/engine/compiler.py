"""Networks compiled by torch.compile: block by block, for any number of rows, and never while jobs are served.

The number of rows is a dynamic dimension. PyTorch specialises on sizes 0 and 1. `backed_size_oblivious` keeps the
tracer from doing so (since 2.13), but the code generator still needs a separate graph for a single row.
"""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import nn
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

# Returns a context in which the given networks run compiled.
CompileBlocks = Callable[[Sequence[nn.Module]], AbstractContextManager[object]]
CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
# Graphs per kind of block; two are expected. Beyond the limit, calls run eagerly without a warning.
RECOMPILE_LIMIT = 16


def set_up(cache: Path) -> None:
    """Configure the compiler for this process.

    Args:
        cache: folder for compiled kernels, so that later starts are quick.
    """
    os.environ[CACHE_VARIABLE] = str(cache_folder(cache))
    torch.fx.experimental._config.backed_size_oblivious = True
    # The number of rows is marked as dynamic. What else differs between calls, such as sizes in the VAE, gets a graph
    # for each size, whichever comes first.
    torch._dynamo.config.automatic_dynamic_shapes = False
    torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT


def cache_folder(cache: Path) -> Path:
    """Return the folder for compiled kernels: ``cache``, if the environment sets no other."""
    # PyTorch sets its default in the environment when it is imported.
    chosen = os.environ.get(CACHE_VARIABLE, default_cache_dir())
    return cache if chosen == default_cache_dir() else Path(chosen)


def try_out(device: torch.device) -> None:
    """Compile and run a small function. Raises the compiler's errors, for example when no C compiler is found."""
    x = torch.ones(8, device=device)
    torch.compile(lambda x: (x * 2 + 1).sum(), fullgraph=True)(x).item()


def enter_transformer(transformer: Transformer2DModel, hidden_states: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return a transformer's input as tokens, and their size.

    CUDA's group norm returns another memory order than it gets. `contiguous` has the compiler write the tokens' order
    at once, so that the projection is a single product. diffusers' own method projects strided tokens.
    """
    batch, channels, height, width = hidden_states.shape
    normed = transformer.norm(hidden_states)
    tokens = transformer.proj_in(normed.permute(0, 2, 3, 1).reshape(batch, height * width, channels).contiguous())
    return tokens, channels


def leave_transformer(
    transformer: Transformer2DModel, hidden_states: torch.Tensor, residual: torch.Tensor, **_sizes: int
) -> torch.Tensor:
    """Return a transformer's output for its last block's tokens.

    diffusers' own method copies the output into another memory order, which the next convolution copies back.
    """
    tokens = transformer.proj_out(hidden_states)
    batch, _, height, width = residual.shape
    output: torch.Tensor = tokens.reshape(batch, height, width, -1).permute(0, 3, 1, 2) + residual
    return output


# The methods that are compiled, with their function, of the blocks that networks of SDXL's structure consist of.
REPEATED: Mapping[type[nn.Module], Mapping[str, Callable[..., Any]]] = {
    BasicTransformerBlock: {"forward": BasicTransformerBlock.forward},
    ResnetBlock2D: {"forward": ResnetBlock2D.forward},
    Transformer2DModel: {
        "_operate_on_continuous_inputs": enter_transformer,
        "_get_output_for_continuous_inputs": leave_transformer,
    },
}


@dataclass(frozen=True, slots=True)
class Part:
    """A method of a block that is compiled."""

    block: nn.Module
    method: str

    @property
    def function(self) -> Callable[..., Any]:
        """The method's function, uncompiled."""
        return REPEATED[type(self.block)][self.method]

    @property
    def kind(self) -> Hashable:
        """What parts share that can share graphs: their method, and their block's own tensors and settings.

        Equal kinds also look the same: graphs on disk are named after them.
        """
        own = list(own_modules(self.block))
        tensors = [
            (path, name, tensor)
            for path, module in own
            for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        ]
        shapes = tuple((path, name, tuple(tensor.shape), tensor.dtype) for path, name, tensor in tensors)
        settings = tuple(
            (path, key, _as_setting(value))
            for path, module in own
            for key, value in vars(module).items()
            if isinstance(value, int | float | str) or key == "processor"
        )
        return type(self.block), self.method, shapes, settings


def own_modules(block: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield a block and the modules in it, with their paths, but no blocks in it that are compiled by themselves."""
    yield path, block
    for name, child in block.named_children():
        if type(child) not in REPEATED:
            yield from own_modules(child, f"{path}{name}.")


def _as_setting(value: Any) -> Hashable:
    if isinstance(value, int | float):
        return float(value)  # diffusers writes the same number as 1 in one place and as 1.0 in another
    return value if isinstance(value, str) else str(type(value))


def parts_of(network: nn.Module) -> Iterator[Part]:
    """Yield the parts of a network that are compiled."""
    for module in network.modules():
        # Without linear projections a transformer leaves by a convolution.
        if not (isinstance(module, Transformer2DModel) and not module.use_linear_projection):
            yield from (Part(module, method) for method in REPEATED.get(type(module), ()))


class BlockCompiler:
    """Compiles networks' repeated blocks, each kind once, for any number of rows.

    SDXL and its ControlNet spend nearly all of their time in 129 blocks of 14 kinds, and where transformers, which
    contain some of them, begin and end.
    """

    def __init__(self, backend: str = "inductor", *, load: Callable[[Part], Sequence[Any]] | None = None) -> None:
        """Compile by ``backend`` what ``load`` has no graphs for."""
        self._backend, self._load = backend, load
        self._functions: dict[Hashable, Callable[..., Any]] = {}
        self.loaded = 0

    def __call__(self, networks: Iterable[nn.Module]) -> "ReplacedMethods":
        """Return the parts of networks, to run compiled. The first step in which they run compiles them."""
        return ReplacedMethods(networks, self._compiled)

    def _compiled(self, part: Part) -> Callable[..., Any]:
        kind = part.kind
        if kind not in self._functions:
            graphs = self._load(part) if self._load else ()
            self.loaded += len(graphs)
            self._functions[kind] = partial(run_what_fits, graphs, compiled(part.function, self._backend))
        return self._functions[kind]


class ReplacedMethods:
    """Parts of networks whose methods are replaced inside a ``with`` block."""

    def __init__(self, networks: Iterable[nn.Module], function_of: Callable[[Part], Callable[..., Any]]) -> None:
        """Replace each part's method by ``function_of(part)``, which gets the block as its first argument."""
        parts = (part for network in networks for part in parts_of(network))
        self._functions = [(part, partial(function_of(part), part.block)) for part in parts]

    def __enter__(self) -> None:
        for part, function in self._functions:
            part.block.__dict__[part.method] = function  # hides the class's; `nn.Module` would look for parameters

    def __exit__(self, *_: object) -> None:
        for part, _function in self._functions:
            del part.block.__dict__[part.method]


def compiled(function: Callable[..., Any], backend: str = "inductor") -> Callable[..., Any]:
    """Return a block's method, compiled for any size of the tensors' first dimension."""
    run = torch.compile(traceable(function), fullgraph=True, backend=backend)

    def call(block: nn.Module, *arguments: Any, **options: Any) -> Any:
        with rows_marked(arguments, options):
            return run(block, *arguments, **options)

    return call


def run_what_fits(graphs: Sequence[Any], otherwise: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Run the first saved graph whose guards hold for a call, or else ``otherwise``."""
    for graph in graphs:
        if graph.guard_check(*arguments, **options):
            return graph(*arguments, **options)
    return otherwise(*arguments, **options)


def traceable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose graphs are kept apart from those of others that call the same one."""

    def method(block: nn.Module, *arguments: Any, **options: Any) -> Any:
        return function(block, *arguments, **options)

    # Dynamo keeps graphs by code object, and looks through all of one, so each kind of block gets its own.
    method.__code__ = method.__code__.replace()
    return method


@contextmanager
def rows_marked(arguments: Iterable[Any], options: Mapping[str, Any]) -> Iterator[None]:
    """Mark the first dimension of a call's tensors as dynamic within the context.

    Not for longer: other blocks get the same tensors, and saved graphs fit no tensor with marks.
    """
    tensors = [value for value in (*arguments, *options.values()) if isinstance(value, torch.Tensor)]
    attributes = [dict(vars(tensor)) for tensor in tensors]
    for tensor in tensors:
        torch._dynamo.mark_dynamic(tensor, 0)
    try:
        yield
    finally:
        for tensor, before in zip(tensors, attributes, strict=True):
            vars(tensor).clear()
            vars(tensor).update(before)


def freeze() -> None:
    """Compile nothing more. A call that fits no graph runs eagerly, since compiling would delay every job."""
    torch.compiler.set_stance("eager_on_recompile")


def graphs() -> int:
    """Return the number of graphs compiled so far."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])
