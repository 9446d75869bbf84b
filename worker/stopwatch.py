"""How long each stage of a job takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Elapsed milliseconds by stage."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.timings_ms: dict[str, int] = {}

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Measure the block. Repeated times of one stage add up."""
        started = time.perf_counter()
        yield
        elapsed_ms = round((time.perf_counter() - started) * 1000)
        self.timings_ms[stage] = self.timings_ms.get(stage, 0) + elapsed_ms

    @property
    def total_ms(self) -> int:
        """Milliseconds since the stopwatch was made."""
        return round((time.perf_counter() - self._started) * 1000)
