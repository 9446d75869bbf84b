"""Jobs that may have crashed a worker: they wait for their turn without holding a thread."""

import threading
from collections.abc import Iterator


class QuarantineQueue:
    """Jobs that are worked on one at a time, by whoever joins when nobody works on any."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: dict[str, None] = {}
        self._is_worked_off = False

    def join(self, job_id: str) -> bool:
        """Add a job, unless it waits already; return whether the caller has to run the queue."""
        with self._mutex:
            self._waiting[job_id] = None
            is_first, self._is_worked_off = not self._is_worked_off, True
            return is_first

    def __iter__(self) -> Iterator[str]:
        """Yield the jobs in their order, with those that come meanwhile; who joins after the end begins anew."""
        try:
            while (job_id := self._next()) is not None:
                yield job_id
        except BaseException:
            with self._mutex:
                self._is_worked_off = False
            raise

    def _next(self) -> str | None:
        """Take the first of the queue; where there is none, nobody runs it from now on."""
        with self._mutex:
            if not self._waiting:
                self._is_worked_off = False
                return None
            job_id = next(iter(self._waiting))
            del self._waiting[job_id]
            return job_id
