"""One thread per worker that carries running jobs' progress to Redis and brings back cancellations.

Denoising steps must not wait for the network, so a job only writes its progress into memory; this thread reports it.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import redis
from numpy.typing import NDArray

from shared.job_store import JobStore
from shared.schemas import Progress

logger = logging.getLogger(__name__)


class JobHandle:
    """A running job's progress; a `worker.progress.ProgressSink`."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.current_stage = "starting"
        self.progress = Progress()
        self.is_cancelled = False
        self.picture: NDArray[np.uint8] | None = None

    def stage(self, name: str) -> None:
        """The job enters a stage."""
        self.current_stage = name

    def step(self, step: int, total_steps: int) -> None:
        """The job has done ``step`` of ``total_steps`` denoising steps."""
        self.progress = Progress(step=step, total_steps=total_steps)

    def preview(self, picture: NDArray[np.uint8]) -> None:
        """The picture as foreseen now: (height / 8, width / 8, 3)."""
        self.picture = picture


class JobMonitor:
    """Watches the jobs that this worker runs."""

    def __init__(self, store: JobStore, poll_s: float) -> None:
        self._store = store
        self._poll_s = poll_s
        self._jobs: dict[str, JobHandle] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-monitor", daemon=True)

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return len(self._jobs)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    @contextmanager
    def watch(self, job_id: str) -> Iterator[JobHandle]:
        """Report a job's progress while the block runs."""
        handle = self._jobs[job_id] = JobHandle(job_id)
        try:
            yield handle
        finally:
            del self._jobs[job_id]

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            for handle in list(self._jobs.values()):
                self._report(handle)

    def _report(self, handle: JobHandle) -> None:
        try:
            handle.is_cancelled |= self._store.report(handle.job_id, handle.current_stage, handle.progress)
            if (picture := handle.picture) is not None:
                handle.picture = None
                self._store.save_preview(handle.job_id, _jpeg(picture))
        except redis.RedisError as error:
            # The job goes on; its progress shows again when Redis is back.
            logger.warning("progress of job %s not reported: %s", handle.job_id, error)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".jpg", picture[:, :, ::-1])[1])
