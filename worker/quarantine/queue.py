"""Jobs that may have crashed a worker. They wait for their turn without occupying a thread."""

import threading
from collections.abc import Iterator


class QuarantineQueue:
    """Jobs that run one at a time, in the thread of the caller that joins while no job is running."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: dict[str, None] = {}
        self._is_running = False

    def join(self, job_id: str) -> bool:
        """Add a job unless it is already waiting; return whether the caller must run the queue."""
        with self._mutex:
            self._waiting[job_id] = None
            is_first, self._is_running = not self._is_running, True
            return is_first

    def __iter__(self) -> Iterator[str]:
        """Yield the jobs in order, including those added meanwhile.

        After the iteration has ended, the next caller that joins runs the queue.
        """
        try:
            while (job_id := self._next()) is not None:
                yield job_id
        except BaseException:
            with self._mutex:
                self._is_running = False
            raise

    def _next(self) -> str | None:
        """Remove and return the first job. If there is none, mark the queue as not running."""
        with self._mutex:
            if not self._waiting:
                self._is_running = False
                return None
            job_id = next(iter(self._waiting))
            del self._waiting[job_id]
            return job_id
