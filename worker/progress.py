"""How a job tells what it is doing, and hears that it was cancelled."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.errors import JobCancelled


class ProgressSink(Protocol):
    """Where a running job reports to. Calls return at once: they are made between denoising steps."""

    def stage(self, name: str) -> None:
        """The job enters a stage."""

    def step(self, step: int, total_steps: int) -> None:
        """The job has done ``step`` of ``total_steps`` denoising steps."""

    def preview(self, picture: NDArray[np.uint8]) -> None:
        """The picture as foreseen now: (height / 8, width / 8, 3)."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop."""


class Unobserved:
    """A sink for jobs that nobody watches."""

    is_cancelled = False

    def stage(self, name: str) -> None:
        """Ignore the stage."""

    def step(self, step: int, total_steps: int) -> None:
        """Ignore the step."""

    def preview(self, picture: NDArray[np.uint8]) -> None:
        """Ignore the preview."""


class LaterAttempt:
    """A sink for a further attempt at the same job: its steps come on top of those that were done."""

    def __init__(self, sink: ProgressSink, steps_done: int) -> None:
        """Report to ``sink``, after so many steps of earlier attempts."""
        self._sink = sink
        self._steps_done = steps_done

    def stage(self, name: str) -> None:
        """Pass the stage on."""
        self._sink.stage(name)

    def step(self, step: int, total_steps: int) -> None:
        """Pass the step on, counted from the first attempt."""
        self._sink.step(self._steps_done + step, self._steps_done + total_steps)

    def preview(self, picture: NDArray[np.uint8]) -> None:
        """Pass the preview on."""
        self._sink.preview(picture)

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop."""
        return self._sink.is_cancelled


def stop_if_cancelled(progress: ProgressSink) -> None:
    """End the job here if it was cancelled.

    Raises:
        JobCancelled: it was.
    """
    if progress.is_cancelled:
        raise JobCancelled("the job was cancelled")
