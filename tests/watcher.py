"""A sink of progress that remembers what it is told."""

import threading

import numpy as np
from numpy.typing import NDArray

from worker.progress import NullProgress


class Watcher(NullProgress):
    """Remembers stages, steps and previews; may cancel after a step.

    Attributes:
        stages: in their order.
        steps: each with how many there are in all.
        previews: each with the number of its variation.
        started: set by the first step that is done.
    """

    def __init__(self, cancel_after: int | None = None) -> None:
        self.stages: list[str] = []
        self.steps: list[tuple[int, int]] = []
        self.previews: list[tuple[int, NDArray[np.uint8]]] = []
        self.started = threading.Event()
        self._cancel_after = cancel_after

    @property
    def done(self) -> list[int]:
        """The steps alone."""
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
