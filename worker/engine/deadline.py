"""Deadlines for a thread's work, derived from how long similar work took before."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Work that takes this many times as long as the longest before it is treated as hung. Batches differ by less.
OVERDUE_FACTOR = 20
LEAST_S = 60.0
# For the first of its kind: kernels are loaded, and the machine's speed is not known yet.
FIRST_S = 600.0


@dataclass(frozen=True, slots=True)
class _Work:
    kind: str
    started: float
    allowed_s: float


class Deadline:
    """Watches one thread, which reports what it is working on. Any thread may ask whether it is overdue."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure time in seconds by ``clock``."""
        self._clock = clock
        self._longest_s: dict[str, float] = {}
        self._work: _Work | None = None

    @contextmanager
    def watch(self, kind: str) -> Iterator[None]:
        """Track the block as one piece of work. Pieces of one kind take about as long as each other.

        A piece that raises is not used to predict later ones.
        """
        started = self._clock()
        self._work = _Work(kind, started, self._allowed_s(kind))
        try:
            yield
            self._longest_s[kind] = max(self._longest_s.get(kind, 0.0), self._clock() - started)
        finally:
            self._work = None

    def overdue(self) -> str | None:
        """Return a description of the work that should have ended by now, or None."""
        if (work := self._work) is None:
            return None
        taken_s = self._clock() - work.started
        return (
            f"{work.kind} has taken {taken_s:.0f} s; the limit is {work.allowed_s:.0f} s"
            if taken_s > work.allowed_s
            else None
        )

    def _allowed_s(self, kind: str) -> float:
        if kind not in self._longest_s:
            return FIRST_S
        return max(LEAST_S, OVERDUE_FACTOR * self._longest_s[kind])
