"""Graphs on disk: what one process has compiled, others run without tracing it again.

PyTorch's compile cache keeps the code that it has generated, but each process that uses it still traces every graph. A
graph that was compiled ahead of time (`torch.compile(...).aot_compile`) is loaded as it is.
"""

import hashlib
import logging
import os
from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import nn

from worker.engine.compiler import Part, rows_marked, traceable
from worker.engine.faults import Failure, attempt, outcome_of

logger = logging.getLogger("engine")

SOURCES = Path(__file__).parent
DIGEST_LENGTH = 24
DIGEST = "?" * DIGEST_LENGTH


class SavedGraphs:
    """A folder with the graphs of networks' parts, for one device and these versions of the code."""

    def __init__(self, cache: Path, device: torch.device) -> None:
        """Use a folder in the compile cache ``cache``."""
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        made_by = (torch.__version__, diffusers.__version__, name, device.index or 0)  # code and guards name the device
        sources = b"".join(file.read_bytes() for file in sorted(SOURCES.glob("*.py")))
        self.folder = cache / f"graphs-{_digest(repr(made_by).encode() + sources)}"

    def save(self, part: Part, forms: Hashable, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
        """Compile a part's call, for any number of rows, save the graph under the ``forms`` of the call, and return it.

        The graph is guarded only by its tensors' types, sizes and memory order. Guards on code and modules cannot be
        saved: the folder's name stands for them, and the part's kind.

        Raises:
            Exception: PyTorch's error, if the call cannot be compiled, or its graph saved.
        """
        torch._dynamo.config.enable_aot_compile = True  # off by default in older releases, as in 2.11
        guards: dict[str, Any] = {"guard_filter_fn": _of_tensors}
        function: Any = torch.compile(traceable(part.function), fullgraph=True, options=guards)
        with rows_marked(arguments, options):
            graph = function.aot_compile(((part.block, *arguments), options))
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._file(part, forms)
        unfinished = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            graph.save_compiled_function(str(unfinished))
            unfinished.replace(file)  # whole, whoever writes or reads it at the same time
        finally:
            unfinished.unlink(missing_ok=True)  # on a full disk, what was written of it takes the others' space
        return graph

    def has(self, part: Part, forms: Hashable) -> bool:
        """Return whether a call's graph was saved."""
        return self._file(part, forms).is_file()

    def load(self, part: Part) -> list[Any]:
        """Return a part's graphs. One that cannot be loaded is deleted, and the log says why."""
        graphs: list[Any] = []
        for file in sorted(self.folder.glob(f"{_name(part)}-*")):
            graph = outcome_of(partial(_load, file))
            if isinstance(graph, Failure):
                logger.warning("%s is compiled anew: %s", file.name, graph.error)
                _delete(file)
            else:
                graphs.append(graph)
        return graphs

    def clear(self) -> None:
        """Delete all graphs, so that a later start compiles them anew."""
        for file in self.folder.glob(f"{DIGEST}-{DIGEST}"):
            _delete(file)

    def _file(self, part: Part, forms: Hashable) -> Path:
        return self.folder / f"{_name(part)}-{_digest(repr(forms).encode())}"


def _name(part: Part) -> str:
    return _digest(repr(part.kind).encode())


def _delete(file: Path) -> None:
    attempt(partial(file.unlink, missing_ok=True))  # the folder may be read-only


def _load(file: Path) -> Any:
    # In the mode in which it is called: its guards compare with tensors that are made here.
    with file.open("rb") as opened, torch.inference_mode():
        graph: Any = torch.compiler.load_compiled_function(opened)
    graph.disable_guard_check()  # who calls it checks
    return graph


def _of_tensors(guards: Sequence[Any]) -> list[bool]:
    """Return which guards are on a call's tensors, including those on their numbers of rows."""
    return [
        guard.guard_type == "SHAPE_ENV"
        or (guard.guard_type == "TENSOR_MATCH" and not isinstance(guard.value, nn.Parameter))
        for guard in guards
    ]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]
