"""By when a thread's piece of work must be done, by how long the like of it has taken before."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# A piece of work that takes so many times its longest predecessor never ends. Batches differ by less.
OVERDUE_FACTOR = 20
LEAST_S = 60.0
# The first of its kind: kernels are loaded, and nothing is known of the machine's speed.
FIRST_S = 600.0


@dataclass(frozen=True, slots=True)
class _Work:
    kind: str
    started: float
    allowed_s: float


class Deadline:
    """Watches one thread, which says what it is at; any other may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure in seconds by ``clock``."""
        self._clock = clock
        self._longest_s: dict[str, float] = {}
        self._work: _Work | None = None

    @contextmanager
    def watch(self, kind: str) -> Iterator[None]:
        """Be at a piece of work for the block; those of one kind take about as long.

        One that raises says nothing of how long the next may take.
        """
        started = self._clock()
        self._work = _Work(kind, started, self._allowed_s(kind))
        try:
            yield
            self._longest_s[kind] = max(self._longest_s.get(kind, 0.0), self._clock() - started)
        finally:
            self._work = None

    def overdue(self) -> str | None:
        """Return what should have been done by now, or None."""
        if (work := self._work) is None:
            return None
        taken_s = self._clock() - work.started
        return f"{work.kind} takes {taken_s:.0f} s, allowed: {work.allowed_s:.0f}" if taken_s > work.allowed_s else None

    def _allowed_s(self, kind: str) -> float:
        if kind not in self._longest_s:
            return FIRST_S
        return max(LEAST_S, OVERDUE_FACTOR * self._longest_s[kind])
