"""Gradient descent: its steps, its learning rate, and what ends it."""

import math

import torch
from torch import nn


class Descent:
    """Steps of AdamW with clipped gradients. A step whose gradients are not finite is left out.

    Attributes:
        optimizer: its state is to be saved.
    """

    def __init__(
        self, parameters: list[nn.Parameter], learning_rate: float, *, betas: tuple[float, float], weight_decay: float
    ) -> None:
        device = parameters[0].device.type
        self._parameters, self._learning_rate = parameters, learning_rate
        self.optimizer = torch.optim.AdamW(
            parameters, learning_rate, weight_decay=weight_decay, betas=betas, fused=device == "cuda"
        )
        # bfloat16 needs no scaling; this checks the gradients, on a GPU without waiting for it.
        self._scaler = torch.amp.GradScaler(device, init_scale=1.0)

    def step(self, loss: torch.Tensor, factor: float) -> None:
        """Take a step with the learning rate times the factor."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate * factor
        self.optimizer.zero_grad()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._scaler.step(self.optimizer)
        self._scaler.update()


def rate(step: int, done: float, *, warm_up: int, decay: float) -> float:
    """Return the learning rate's factor: a short warm-up, 1, then linear decay to a fiftieth.

    Args:
        step: the number of steps so far.
        done: the share of the training that is over, 0 to 1.
        warm_up: the number of steps in which the factor rises.
        decay: the last share of the training, in which it falls.
    """
    return min((step + 1) / warm_up, 1.0) * max(0.02, min(1.0, (1 - done) / decay))


def finite(loss: torch.Tensor, step: int) -> float:
    """Return a loss as a number.

    Raises:
        FloatingPointError: it is not finite.
    """
    value = loss.item()
    if not math.isfinite(value):
        raise FloatingPointError(f"the loss is {value} after step {step}: the weights are lost")
    return value
