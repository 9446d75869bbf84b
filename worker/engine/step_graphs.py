"""CUDA graphs: a step's kernels, recorded once and then launched together.

A fast GPU computes a step of one or two pictures in less time than the host needs to launch its 2,500 kernels one by
one: on an H200 beside a slow host, in a third of it (docs/reference/performance.md).
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import torch
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

# Calls with more rows compute for longer than they take to launch. Each recording keeps its activations' memory.
MOST_ROWS = 4

Call = Callable[..., Any]


class Recording(Protocol):
    """A recorded call."""

    def replay(self, tensors: Sequence[torch.Tensor]) -> Any:
        """Repeat the call with other tensors of the same shapes. The next replay overwrites what it returns."""


class StepGraphs:
    """Calls functions of tensors, and replays those calls of few rows that were recorded."""

    def __init__(self, record: Callable[[Call, Sequence[torch.Tensor], TreeSpec], Recording]) -> None:
        self._record = record
        self._recordings: dict[Hashable, Recording] = {}
        self._is_recording = False

    def __len__(self) -> int:
        """Return the number of recorded calls."""
        return len(self._recordings)

    def clear(self) -> None:
        """Forget all recordings, and so free their memory."""
        self._recordings.clear()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record each new call of few rows inside the ``with`` block."""
        self._is_recording = True
        try:
            yield
        finally:
            self._is_recording = False

    def __call__(self, function: Call, *arguments: Any) -> Any:
        """Return the function's result for nested tuples and lists of tensors, whose first dimension is the rows.

        The next call may overwrite its tensors.
        """
        tensors, spec = tree_flatten(arguments)
        key = (function, *(tensor.shape for tensor in tensors))
        recording = self._recordings.get(key)
        if recording is None and self._is_recording and len(tensors[0]) <= MOST_ROWS:
            recording = self._recordings[key] = self._record(function, tensors, spec)
        return recording.replay(tensors) if recording is not None else function(*arguments)


class CudaRecorder:
    """Records calls as CUDA graphs that share their memory, because no two of them run at the same time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, function: Call, tensors: Sequence[torch.Tensor], spec: TreeSpec) -> Recording:
        """Record a call. Raises PyTorch's errors if the device cannot."""
        return _CudaRecording(function, tensors, spec, self._pool)


class _CudaRecording:
    def __init__(self, function: Call, tensors: Sequence[torch.Tensor], spec: TreeSpec, pool: Any) -> None:
        self._inputs = [tensor.clone() for tensor in tensors]
        arguments = tree_unflatten(self._inputs, spec)
        function(*arguments)  # loads kernels, which cannot be done while recording
        self._graph = torch.cuda.CUDAGraph()
        # On the engine's own stream, because kernels keep the priority of the stream on which they were recorded. Other
        # threads may use the device meanwhile.
        stream = torch.cuda.current_stream()
        try:
            with torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
                self._outputs = function(*arguments)
        except Exception as error:
            _end_allocating(stream.device_index, pool)
            if error.__context__ is None:
                raise
            # The call failed and spoilt the recording, whose end then raised another error.
            raise error.__context__ from error

    def replay(self, tensors: Sequence[torch.Tensor]) -> Any:
        """Copy the tensors to where the graph reads, and launch it on the current stream."""
        torch._foreach_copy_(self._inputs, list(tensors))
        self._graph.replay()
        return self._outputs


def _end_allocating(device_index: int, pool: Any) -> None:
    """Take the device's allocator out of a recording that failed, whose recorder cannot be used again.

    PyTorch does so only when a recording ends well. As long as one is under way, the allocator returns no memory to the
    device, and some releases raise when asked to.
    """
    # PyTorch raises if the recording had already ended, and then has released the pool itself.
    with suppress(RuntimeError):
        torch._C._cuda_endAllocateToPool(device_index, pool)
        torch._C._cuda_releasePool(device_index, pool)
