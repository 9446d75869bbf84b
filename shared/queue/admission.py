"""Whether there is room for the results of further jobs, and for their records in Redis.

Where several clients have names, none may take all room: neither in the queue, which the scripts that create jobs see
to (``lua/parts/job_creation.lua``), nor in the memory for results. A client may have only as much as then remains for
others: the first one gets half of what is empty, the next one half of the rest. These are the dynamic thresholds by
which network switches share their memory (Choudhury and Hahne, IEEE/ACM Transactions on Networking 6:2, 1998).
"""

import math
import time
from dataclasses import dataclass
from typing import cast

import redis

from shared.errors import QueueFull, QueueOutOfMemory
from shared.queue.scripts import load_script
from shared.queue.store import LONGEST_RETRY_AFTER_S, JobStore

MEMORY_CHECK_S = 1.0  # how long a check is reused
MOST_MEMORY = 0.9  # of Redis's maxmemory; results have their own budget below it


@dataclass(frozen=True, slots=True)
class _Load:
    """What waiting and running jobs take up, in the order in which the script returns it."""

    jobs: int
    result_bytes: int
    own_jobs: int
    own_bytes: int


class Admission:
    """Refuses jobs that there is no room for. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis, store: JobStore) -> None:
        self._store = store
        self._measure = load_script(client, "measure_load")
        self._memory_checked_until = 0.0

    def check(self, client: str, result_bytes: int, budget: int) -> None:
        """Refuse jobs whose results would not fit.

        Args:
            client: their owner, as the name of an API key; "" without keys.
            result_bytes: the estimated size of all their results.
            budget: bytes for all results; 0: unlimited.

        Raises:
            QueueOutOfMemory: Redis is nearly full, or the results would not fit with those of all waiting and running
                jobs; says after how many seconds enough jobs should have ended.
            QueueFull: the client's results would leave less room for others.
        """
        self._check_memory()
        if not budget:
            return
        load = _Load(*cast("list[int]", self._measure(args=[client])))
        free = budget - load.result_bytes
        if load.jobs and result_bytes > free:
            raise QueueOutOfMemory(
                "the results of the waiting jobs will fill the memory reserved for results; try again later",
                retry_after_s=self._ends_s(result_bytes - free, load.jobs, load.result_bytes),
            )
        excess = load.own_bytes + result_bytes - free
        if client and self._store.is_shared and load.own_jobs and excess > 0:
            raise QueueFull(
                "the results of your jobs will fill half of the memory reserved for results; the rest is for others",
                retry_after_s=self._ends_s(excess / 2, load.own_jobs, load.own_bytes),  # each end also frees memory
            )

    def _check_memory(self) -> None:
        """Refuse new jobs while Redis is nearly full, so that accepted jobs can still finish."""
        if time.monotonic() < self._memory_checked_until:
            return
        used, limit = self._store.memory()
        if limit and used > MOST_MEMORY * limit:
            raise QueueOutOfMemory(
                "the queue is almost out of memory; try again later", retry_after_s=self._store.retry_after_s()
            )
        self._memory_checked_until = time.monotonic() + MEMORY_CHECK_S

    def _ends_s(self, excess: float, jobs: int, result_bytes: int) -> int:
        """Return the seconds after which enough of these jobs should have ended to free so many bytes."""
        ends = math.ceil(excess * jobs / max(result_bytes, 1))
        return min(ends * self._store.retry_after_s(), LONGEST_RETRY_AFTER_S)
