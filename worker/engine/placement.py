"""Where a pipeline's parts live."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Placement:
    """The device, and whether parts that are used once a job wait in the machine's memory."""

    device: torch.device
    offload: bool = False

    @contextmanager
    def borrow(self, *parts: nn.Module) -> Iterator[None]:
        """Have parts on the device for the block; afterwards they go back, if they are offloaded."""
        if not self.offload:
            yield
            return
        try:
            for part in parts:
                part.to(self.device)
            yield
        finally:
            for part in parts:
                part.to("cpu")
