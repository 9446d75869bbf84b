"""How a job reports its progress, and learns that it was cancelled."""

from concurrent.futures import Future
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.errors import JobCancelled


class ProgressSink(Protocol):
    """The target of a running job's reports. Calls return immediately, since they are made between denoising steps."""

    def stage(self, name: str) -> None:
        """Report that the job enters a stage."""

    def step(self, step: int, total_steps: int) -> None:
        """Report that the job has done ``step`` of ``total_steps`` denoising steps."""

    def preview(self, picture: NDArray[np.uint8], variation: int = 0) -> None:
        """Show a preview of one of the job's pictures, (height / 8, width / 8, 3)."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop."""


class NullProgress:
    """A sink that ignores all reports."""

    is_cancelled = False

    def stage(self, name: str) -> None:
        """Ignore the stage."""

    def step(self, step: int, total_steps: int) -> None:
        """Ignore the step."""

    def preview(self, picture: NDArray[np.uint8], variation: int = 0) -> None:
        """Ignore the preview."""


class OffsetProgress:
    """A sink for a further attempt at the same job. It adds the steps of earlier attempts."""

    def __init__(self, sink: ProgressSink, steps_done: int) -> None:
        """Report to ``sink``, counting ``steps_done`` steps of earlier attempts."""
        self._sink = sink
        self._steps_done = steps_done

    def stage(self, name: str) -> None:
        """Pass the stage on."""
        self._sink.stage(name)

    def step(self, step: int, total_steps: int) -> None:
        """Pass the step on, counted from the first attempt."""
        self._sink.step(self._steps_done + step, self._steps_done + total_steps)

    def preview(self, picture: NDArray[np.uint8], variation: int = 0) -> None:
        """Pass the preview on."""
        self._sink.preview(picture, variation)

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop."""
        return self._sink.is_cancelled


class CombinedProgress:
    """Combines the progress of concurrently drawn pictures into that of one job. Their steps add up.

    When one of them fails, the others are asked to stop.

    Attributes:
        error: the first error of any of them.
    """

    def __init__(self, sink: ProgressSink, count: int) -> None:
        """Report to ``sink`` for ``count`` pictures."""
        self._sink = sink
        self._steps = [0] * count
        self._stages = [""] * count
        self._last_stage = ""
        self.error: BaseException | None = None

    @property
    def sinks(self) -> "list[ProgressSink]":
        """A sink for each picture."""
        return [_PictureProgress(self, number) for number in range(len(self._steps))]

    def record_error(self, answer: Future[Any]) -> None:
        """Record a picture's error if it is the first. A done callback for the pictures' futures."""
        # Two threads call this. A success writes nothing, lest it replace an error that the other just recorded.
        error = answer.exception()
        if error is not None:
            self.error = self.error or error

    def stage(self, number: int, name: str) -> None:
        """Pass a stage on; "diffusion" until all pictures are past it."""
        self._stages[number] = name
        stage = name if all(one == name for one in self._stages) else "diffusion"
        if stage != self._last_stage:
            self._last_stage = stage
            self._sink.stage(stage)

    def step(self, number: int, step: int, total_steps: int) -> None:
        """Pass on the number of steps done for all pictures together."""
        self._steps[number] = step
        self._sink.step(sum(self._steps), total_steps * len(self._steps))

    def preview(self, number: int, picture: NDArray[np.uint8]) -> None:
        """Pass a picture's preview on."""
        self._sink.preview(picture, number)

    @property
    def is_cancelled(self) -> bool:
        """Whether all pictures should stop."""
        return self.error is not None or self._sink.is_cancelled


class _PictureProgress:
    """The sink of one picture among several."""

    def __init__(self, combined: CombinedProgress, number: int) -> None:
        self._combined = combined
        self._number = number

    def stage(self, name: str) -> None:
        self._combined.stage(self._number, name)

    def step(self, step: int, total_steps: int) -> None:
        self._combined.step(self._number, step, total_steps)

    def preview(self, picture: NDArray[np.uint8], variation: int = 0) -> None:
        self._combined.preview(self._number, picture)

    @property
    def is_cancelled(self) -> bool:
        return self._combined.is_cancelled


def stop_if_cancelled(progress: ProgressSink) -> None:
    """Stop the job if it was cancelled.

    Raises:
        JobCancelled: the job was cancelled.
    """
    if progress.is_cancelled:
        raise JobCancelled("the job was cancelled")
