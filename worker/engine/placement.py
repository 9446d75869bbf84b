"""Where a pipeline's parts are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Placement:
    """The device, and whether parts that a job uses only once are offloaded to host memory."""

    device: torch.device
    offload: bool = False

    def enter(self) -> None:
        """Make the device current in the calling thread: CUDA keeps a current device per thread."""
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)

    def enter_first(self) -> None:
        """Make the device current in the calling thread, with a high-priority stream.

        Steps go before decodes.
        """
        self.enter()
        if self.device.type == "cuda":
            torch.cuda.set_stream(torch.cuda.Stream(self.device, priority=-1))  # type: ignore[no-untyped-call]

    def keep(self, *parts: nn.Module) -> None:
        """Keep offloaded parts in pinned memory, from which copying to the device is fast."""
        if self.offload and self.device.type == "cuda":
            for tensor in _tensors(parts):
                tensor.data = tensor.data.pin_memory()

    @contextmanager
    def borrow(self, *parts: nn.Module) -> Iterator[None]:
        """Copy offloaded parts to the device for the block, then restore the originals, which stay in host memory."""
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
