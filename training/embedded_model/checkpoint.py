"""Training state that survives an interruption, and averaged weights."""

import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

SAVE_EVERY_S = 300.0


class Ema:
    """Exponential moving average of weights, with a ramp-up so that early steps do not linger."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._steps = 0
        self.weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Add the module's current weights to the average."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        current = {name: tensor for name, tensor in module.state_dict().items() if tensor.dtype.is_floating_point}
        # One call for all tensors, because a GPU would need a thousand.
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average([self.weights[name] for name in current], list(current.values()), self._steps)

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save."""
        return {"steps": self._steps, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self._steps, self.weights = state["steps"], state["weights"]


class TrainingState:
    """Saves named parts to one file: every few minutes, and when its ``with`` block ends without an error.

    Inside the block, SIGTERM and Ctrl-C only set `is_stopping`, so that the current step finishes before the state is
    saved.
    """

    def __init__(self, path: Path, parts: dict[str, Any]) -> None:
        """Load the file if it exists.

        Args:
            path: the file.
            parts: objects with ``state_dict`` and ``load_state_dict``, by name.
        """
        self._path, self._parts = path, parts
        self._saved_at = time.monotonic()
        self.step = 0
        self.is_stopping = False
        if path.is_file():
            stored = torch.load(path, weights_only=True)
            self.step = stored["step"]
            for name, part in parts.items():
                part.load_state_dict(stored[name])

    def __enter__(self) -> "TrainingState":
        self._handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self.save()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def after_step(self) -> None:
        """Count a step, and save if it is time."""
        self.step += 1
        if time.monotonic() - self._saved_at > SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write everything; the old file stays until the new one is complete."""
        temporary = self._path.with_suffix(".tmp")
        torch.save({"step": self.step, **{name: part.state_dict() for name, part in self._parts.items()}}, temporary)
        temporary.rename(self._path)
        self._saved_at = time.monotonic()

    def _stop(self, *_: object) -> None:
        self.is_stopping = True


def ignore_signals(_worker: int) -> None:
    """Keep a batch-preparing process alive on a signal to the whole group; the trainer ends it after saving."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def parameters_of(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    """Return all parameters of several modules."""
    return [parameter for module in modules for parameter in module.parameters()]
