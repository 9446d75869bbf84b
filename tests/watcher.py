"""A progress sink that records all reports."""

import threading

import numpy as np
from numpy.typing import NDArray

from worker.progress import NullProgress


class Watcher(NullProgress):
    """Records stages, steps and previews; may cancel after a step.

    Attributes:
        stages: in order.
        steps: each with the total number of steps.
        previews: each with its variation's number.
        started: set by the first completed step.
    """

    def __init__(self, cancel_after: int | None = None) -> None:
        self.stages: list[str] = []
        self.steps: list[tuple[int, int]] = []
        self.previews: list[tuple[int, NDArray[np.uint8]]] = []
        self.started = threading.Event()
        self._cancel_after = cancel_after

    def cancel(self) -> None:
        """Cancel now."""
        self._cancel_after = 0

    @property
    def done(self) -> list[int]:
        """The steps without their totals."""
        return [step for step, _ in self.steps]

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def step(self, step: int, total_steps: int) -> None:
        self.steps.append((step, total_steps))
        if step:
            self.started.set()

    def preview(self, picture: NDArray[np.uint8], variation: int = 0) -> None:
        self.previews.append((variation, picture))

    @property
    def is_cancelled(self) -> bool:  # type: ignore[override]
        return self._cancel_after is not None and bool(self.steps) and self.steps[-1][0] >= self._cancel_after
