"""Where a pipeline's parts live."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Placement:
    """The device, and whether parts that are used once a job wait in the machine's memory."""

    device: torch.device
    offload: bool = False

    def enter(self) -> None:
        """Make the device that of the calling thread: CUDA keeps a current device for each."""
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)

    def enter_first(self) -> None:
        """Make the device that of the calling thread, whose work goes before that of others: steps before decodes."""
        self.enter()
        if self.device.type == "cuda":
            torch.cuda.set_stream(torch.cuda.Stream(self.device, priority=-1))  # type: ignore[no-untyped-call]

    def keep(self, *parts: nn.Module) -> None:
        """Let parts that are offloaded wait in pinned memory, from which lending is quick."""
        if self.offload and self.device.type == "cuda":
            for tensor in _tensors(parts):
                tensor.data = tensor.data.pin_memory()

    @contextmanager
    def borrow(self, *parts: nn.Module) -> Iterator[None]:
        """Have offloaded parts on the device for the block; then their originals, which never left."""
        if not self.offload:
            yield
            return
        originals = [(tensor, tensor.data) for tensor in _tensors(parts)]
        try:
            for tensor, original in originals:
                tensor.data = original.to(self.device, non_blocking=True, copy=True)
            yield
        finally:
            for tensor, original in originals:
                tensor.data = original


def _tensors(parts: tuple[nn.Module, ...]) -> Iterator[torch.Tensor]:
    return chain.from_iterable(chain(part.parameters(), part.buffers()) for part in parts)
