"""How a job tells what it is doing, and hears that it was cancelled."""

from typing import Protocol

from shared.errors import JobCancelled


class ProgressSink(Protocol):
    """Where a running job reports to. Calls return at once: they are made between denoising steps."""

    def stage(self, name: str) -> None:
        """The job enters a stage."""

    def step(self, step: int, total_steps: int) -> None:
        """The job has done ``step`` of ``total_steps`` denoising steps."""

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


def stop_if_cancelled(progress: ProgressSink) -> None:
    """End the job here if it was cancelled.

    Raises:
        JobCancelled: it was.
    """
    if progress.is_cancelled:
        raise JobCancelled("the job was cancelled")
