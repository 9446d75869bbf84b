"""One thread per worker that reports running jobs' progress to Redis and picks up cancellations.

Denoising steps must not wait for the network, so a job only writes its progress into memory, and this thread reports
it. The thread also tells the job to stop when it was cancelled, when its lease is lost, or when the worker shuts down.
"""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import redis
from numpy.typing import NDArray

from shared.queue.leases import Lease, Leases
from shared.schemas import Progress
from worker.background.outage import Outage
from worker.background.periodic import Periodic

logger = logging.getLogger(__name__)


class JobHandle:
    """A running job's progress; a `worker.progress.ProgressSink`.

    Attributes:
        is_cancel_requested: the client asked for the job to be cancelled.
        is_lost: another worker now holds the job.
        is_released: this worker is shutting down, and the job has too many steps left.
    """

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.current_stage = "starting"
        self.progress = Progress()
        self.previews: dict[int, NDArray[np.uint8]] = {}
        self.is_cancel_requested = self.is_lost = self.is_released = False
        self._first_step_at: float | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop, for any reason."""
        return self.is_cancel_requested or self.is_lost or self.is_released

    def stage(self, name: str) -> None:
        """Report that the job enters a stage."""
        self.current_stage = name

    def step(self, step: int, total_steps: int) -> None:
        """Report that the job has done ``step`` of ``total_steps`` denoising steps."""
        if self._first_step_at is None:
            self._first_step_at = time.monotonic()
        self.progress = Progress(step=step, total_steps=total_steps)

    def preview(self, picture: NDArray[np.uint8], variation: int = 0) -> None:
        """Show a preview of the picture, (height / 8, width / 8, 3)."""
        self.previews[variation] = picture

    @property
    def seconds_left(self) -> float:
        """The estimated time for the remaining steps at the pace so far; infinite before the first one."""
        done, total = self.progress.step, self.progress.total_steps
        if self._first_step_at is None or not done:
            return math.inf
        return (time.monotonic() - self._first_step_at) / done * (total - done)


class JobMonitor(Periodic):
    """Watches this worker's running jobs."""

    def __init__(self, leases: Leases, poll_s: float) -> None:
        self._leases = leases
        # A message can be delivered twice. The second task ends at once if the job is running, or takes it if the first
        # one's lease is lost; neither may remove what the other has entered here.
        self._by_token: dict[str, JobHandle] = {}
        self._working_on: list[str] = []
        self.is_draining = False
        self._outage = Outage(logger, "progress not reported")
        super().__init__("job-monitor", poll_s, self._report_all)

    @property
    def running(self) -> int:
        """The number of running jobs."""
        return len(self._by_token)

    def working_on(self) -> frozenset[str]:
        """Return the ids of the jobs that this worker's tasks are taking or running."""
        return frozenset(self._working_on.copy())

    @contextmanager
    def work_on(self, job_id: str) -> Iterator[None]:
        """Count a job as this worker's during the block, from before it is taken until it has ended."""
        self._working_on.append(job_id)
        try:
            yield
        finally:
            self._working_on.remove(job_id)

    def refuse_new(self) -> None:
        """Start no further jobs."""
        self.is_draining = True

    def drain(self, within_s: float) -> None:
        """Start no further jobs, and stop those that need more than ``within_s`` seconds."""
        self.refuse_new()
        for handle in list(self._by_token.values()):
            handle.is_released = handle.seconds_left > within_s

    @contextmanager
    def watch(self, lease: Lease) -> Iterator[JobHandle]:
        """Report a job's progress during the block."""
        handle = self._by_token[lease.token] = JobHandle(lease)
        handle.is_released = self.is_draining
        try:
            yield handle
        finally:
            del self._by_token[lease.token]

    def _report_all(self) -> None:
        errors = [self._report(handle) for handle in list(self._by_token.values())]
        if errors:
            self._outage.note(next(filter(None, errors), None))

    def _report(self, handle: JobHandle) -> redis.RedisError | None:
        """Report a job's progress. Return the error if that fails: the job continues, and the next report says all."""
        try:
            standing = self._leases.report(handle.lease, handle.current_stage, handle.progress)
            handle.is_lost |= standing.is_lost
            handle.is_cancel_requested |= standing.is_cancelled
            while handle.previews:
                variation, picture = handle.previews.popitem()
                self._leases.save_preview(handle.lease, _jpeg(picture), handle.progress.step, variation)
        except redis.RedisError as error:
            return error
        return None


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".jpg", picture[:, :, ::-1])[1])
