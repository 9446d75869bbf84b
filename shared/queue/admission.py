"""Whether there is room for further jobs: in Redis, in the queue, and in the memory reserved for results.

Where clients have names, none may fill the queue: it may take no more room than would then remain for the others. The
first one gets half of an empty queue, the next one half of the rest. These are the dynamic thresholds by which network
switches share their memory (Choudhury and Hahne, IEEE/ACM Transactions on Networking 6:2, 1998).
"""

import math
import time
from dataclasses import dataclass
from typing import cast

import redis

from shared.errors import QueueFull, QueueOutOfMemory
from shared.queue.scripts import load_script
from shared.queue.store import LONGEST_RETRY_AFTER_S, JobStore
from shared.schemas import Priority

MEMORY_CHECK_S = 1.0  # how long a check is reused
MOST_MEMORY = 0.9  # of Redis's maxmemory; results have their own budget below it


@dataclass(frozen=True, slots=True)
class NewJobs:
    """Jobs that are to be admitted.

    Attributes:
        client: their owner, as the name of an API key; "" without keys, and then nobody else needs room.
        result_bytes: the estimated size of all their results.
    """

    client: str
    priority: Priority
    count: int
    result_bytes: int


@dataclass(frozen=True, slots=True)
class _Load:
    """What waiting and running jobs take up, in the order in which the script returns it."""

    jobs: int
    result_bytes: int
    own_jobs: int
    own_bytes: int
    own_of_priority: int
    waiting: int


class Admission:
    """Refuses jobs that there is no room for. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis, store: JobStore) -> None:
        self._store = store
        self._measure = load_script(client, "measure_load")
        self._memory_checked_until = 0.0

    def check(self, new: NewJobs, budget: int) -> None:
        """Refuse jobs that there is no room for. `JobStore` and `DeckStore` check the limit of the queue themselves.

        Args:
            new: the jobs.
            budget: bytes for all results; 0: unlimited.

        Raises:
            QueueOutOfMemory: Redis is nearly full, or the results would not fit with those of all waiting and running
                jobs; says after how many seconds enough jobs should have ended.
            QueueFull: they would leave less room for other clients than their own client has.
        """
        self._check_memory()
        if not budget and not new.client:
            return
        load = _Load(*cast("list[int]", self._measure(args=[new.client, new.priority.value])))
        if budget:
            self._check_budget(load, new.result_bytes, budget)
        if new.client:
            self._check_share(load, new, budget)

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

    def _check_budget(self, load: _Load, result_bytes: int, budget: int) -> None:
        excess = load.result_bytes + result_bytes - budget
        if load.jobs and excess > 0:
            raise QueueOutOfMemory(
                "the results of the waiting jobs will fill the memory reserved for results; try again later",
                retry_after_s=self._ends_s(excess, load.jobs, load.result_bytes),
            )

    def _check_share(self, load: _Load, new: NewJobs, budget: int) -> None:
        limit = self._store.limit(new.priority)
        free = limit - load.waiting
        excess = load.own_of_priority + new.count - free
        # Beyond the limit the queue is full for everybody, and the store says so.
        if new.count <= free and excess > 0:
            raise QueueFull(
                f"you have {load.own_of_priority} jobs, and the {free} free places of {limit} are for others",
                retry_after_s=self._store.retry_after_s(math.ceil(excess / 2)),  # each end frees a place
            )
        excess = load.own_bytes + new.result_bytes - (budget - load.result_bytes)
        if budget and load.own_jobs and excess > 0:
            raise QueueFull(
                "the results of your jobs will fill half of the memory reserved for results; the rest is for others",
                retry_after_s=self._ends_s(excess / 2, load.own_jobs, load.own_bytes),
            )

    def _ends_s(self, excess: float, jobs: int, result_bytes: int) -> int:
        """Return the seconds after which enough of these jobs should have ended to free so many bytes."""
        ends = math.ceil(excess * jobs / max(result_bytes, 1))
        return min(ends * self._store.retry_after_s(), LONGEST_RETRY_AFTER_S)
