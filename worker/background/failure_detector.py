"""Which workers have fallen silent, by this process's own clock: clocks are never compared between machines."""

import time
from collections.abc import Callable


class FailureDetector:
    """Watches the workers' counters and reports those that have stalled for too long."""

    def __init__(self, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without any observations.

        Args:
            lease_s: how long a counter may stall, in seconds by ``clock``.
            clock: a monotonic clock, in seconds.
        """
        self._lease_s = lease_s
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}

    def stale(self, beats: dict[str, str]) -> dict[str, str]:
        """Record the current counters; return the stale ones."""
        now = self._clock()
        self._seen = {
            worker: seen if (seen := self._seen.get(worker, ("", now)))[0] == beat else (beat, now)
            for worker, beat in beats.items()
        }
        return {worker: beat for worker, (beat, since) in self._seen.items() if now - since >= self._lease_s}

    def forget(self) -> None:
        """Discard all observations, because no counter could move while Redis was unreachable."""
        self._seen.clear()
