"""The room that results take in Redis: how much they may take, how much they do, and how much new ones will.

The script that publishes a result evicts whole results, oldest first, until the budget holds.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import redis

from shared.queue.keys import Key
from shared.queue.object_store import IN_REDIS
from shared.queue.results import NewResult
from shared.settings import ResultSettings

WEIGHT = 0.1  # of the newest measurement
FIRST_GUESS = {"picture": 2.0, "map": 0.1}  # PNG bytes per pixel, before any is measured
BUDGET_CHECK_S = 1.0  # how long a reading of Redis's memory is reused
# Share of Redis's maxmemory for everything stored there: as job records grow, results are evicted. The limit beyond
# which no job is accepted (`shared.queue.admission`) is higher.
MOST_MEMORY = 0.7
# Redis 6 allocates this much at once while it rewrites its file, and counts it as used.
REWRITE_BYTES = 10 * 2**20


@dataclass(frozen=True, slots=True)
class ResultsUse:
    """The number of stored results, the bytes that they take in Redis, and how many have been evicted so far."""

    results: int
    size: int
    evicted: int


class Budget:
    """The bytes that results may take in Redis, and the bytes that they do take."""

    def __init__(self, client: redis.Redis, settings: ResultSettings, clock: Callable[[], float] = time.monotonic):
        self._redis = client
        self._settings = settings
        self._clock = clock
        self._limit = 0
        self._read_until = float("-inf")

    def limit(self) -> int:
        """Return the budget in bytes; 0: unlimited."""
        if self._clock() >= self._read_until:
            self._limit = min((limit for limit in self._limits() if limit), default=0)
            self._read_until = self._clock() + BUDGET_CHECK_S
        return self._limit

    def for_pictures(self) -> int:
        """Return the budget for pictures in Redis; 0: unlimited, or they are stored elsewhere."""
        return self.limit() if self._settings.store == IN_REDIS else 0

    def _limits(self) -> tuple[int, ...]:
        """Return the limits set by the settings and by Redis's available memory; 0: unlimited."""
        own = self._settings.budget_bytes or 0
        memory = cast("dict[str, int]", self._redis.info())
        maxmemory = int(memory["maxmemory"])
        if not maxmemory:
            return (own,)
        # Buffers are temporary: results must not be evicted because many clients read or a file is rewritten.
        buffers = memory.get("mem_not_counted_for_evict", 0) + memory.get("mem_clients_normal", 0)
        buffers += REWRITE_BYTES * memory.get("aof_rewrite_in_progress", 0)
        others = memory["used_memory"] - buffers - self.use().size
        return own, int(self._settings.budget_share * maxmemory), max(1, int(MOST_MEMORY * maxmemory - others))

    def use(self) -> ResultsUse:
        """Return what the results use. Expired results count until the next result is published."""
        size, evicted = cast("list[str | None]", self._redis.mget([Key.RESULT_BYTES, Key.RESULTS_EVICTED]))
        return ResultsUse(self._redis.zcard(Key.RESULTS), int(size or 0), int(evicted or 0))


class ResultSizes:
    """The measured sizes of results, as running means, so that a lost update is harmless."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def learn(self, pixels: int, new: NewResult) -> None:
        """Add a result's sizes to the means."""
        drawn = len(new.pictures) - new.maps
        for kind, pngs in (("picture", new.pictures[:drawn]), ("map", new.pictures[drawn:])):
            if pngs:
                measured = sum(map(len, pngs)) / len(pngs) / pixels
                self._redis.hset(Key.PIXEL_BYTES, kind, str(self._mean(kind) * (1 - WEIGHT) + measured * WEIGHT))

    def estimate(self, pixels: int, maps: int, pictures: int = 1) -> int:
        """Return the estimated size in bytes of a result with this many pixels, maps and pictures."""
        return int(pixels * (pictures * self._mean("picture") + maps * self._mean("map")))

    def _mean(self, kind: str) -> float:
        kept = self._redis.hget(Key.PIXEL_BYTES, kind)
        return FIRST_GUESS[kind] if kept is None else float(cast("str", kept))
