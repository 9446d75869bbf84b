"""Decides which jobs run, and which take the next step. Sees only a job's priority, group and cost; no tensors.

Within a priority, jobs run first in, first out. Interactive jobs go before bulk jobs and may preempt a running bulk job
between two steps; it keeps its progress and resumes later. Every so often a bulk job is admitted out of turn and is not
preempted, so bulk jobs never starve. Jobs of one group share a step. Groups take turns.
"""

from collections import deque
from collections.abc import Hashable
from itertools import chain
from typing import Generic, Protocol, TypeVar

from shared.schemas import Priority

# After this many steps without running out of memory, a lowered limit is raised by one.
RECOVER_AFTER_STEPS = 100


class Schedulable(Protocol):
    """The attributes of a job that the scheduler needs."""

    @property
    def priority(self) -> Priority:
        """Its priority."""

    @property
    def group(self) -> Hashable:
        """Jobs of the same group can share a step."""

    @property
    def cost(self) -> int:
        """Its share of the limit, 1 or more."""


Job = TypeVar("Job", bound=Schedulable)

BULK_EVERY = 5


class Scheduler(Generic[Job]):
    """Holds every job that has not ended. A job is waiting or running.

    Args:
        limit: total cost of the jobs that may run together. A job that costs more runs alone.
        bulk_every: while both kinds wait, every bulk_every-th admission is a bulk job.
    """

    def __init__(self, limit: int, bulk_every: int = BULK_EVERY) -> None:
        self.limit = self.ceiling = limit
        self._bulk_every = bulk_every
        self._waiting: dict[Priority, deque[Job]] = {priority: deque() for priority in Priority}
        self._running: list[Job] = []  # least recently stepped first
        self._protected: set[Job] = set()  # bulk jobs admitted out of turn
        self._turns: deque[Hashable] = deque()  # groups, the next one first
        self._since_bulk = 0
        self._steps_since_trouble = 0

    @property
    def running(self) -> tuple[Job, ...]:
        """The running jobs, least recently stepped first."""
        return tuple(self._running)

    @property
    def waiting(self) -> tuple[Job, ...]:
        """The waiting jobs, interactive ones first."""
        return tuple(chain.from_iterable(self._waiting[priority] for priority in Priority))

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs."""
        return self.running + self.waiting

    def submit(self, job: Job) -> None:
        """Add a new job."""
        self._waiting[job.priority].append(job)

    def remove(self, job: Job) -> None:
        """Remove a job, however it ended."""
        self._protected.discard(job)
        if job in self._running:
            self._running.remove(job)
        else:
            self._waiting[job.priority].remove(job)

    def admit(self) -> list[Job]:
        """Admit waiting jobs while there is room; return the newly running ones."""
        before = set(self._running)
        while (job := self._next_waiting()) is not None and self._make_room(job):
            self._waiting[job.priority].remove(job)
            self._running.insert(0, job)
            self._count_admission(job)
        return [job for job in self._running if job not in before]

    def next_batch(self) -> list[Job]:
        """Return the jobs of the next batch: of one group, within the limit; empty if none is running."""
        groups = dict.fromkeys(job.group for job in self._running)
        self._turns = deque(group for group in self._turns if group in groups)
        self._turns.extend(group for group in groups if group not in self._turns)
        if not self._turns:
            return []
        group = self._turns.popleft()
        self._turns.append(group)
        batch: list[Job] = []
        for job in self._running:
            if job.group == group and (not batch or _cost(batch) + job.cost <= self.limit):
                batch.append(job)
        for job in batch:
            self._running.remove(job)
        self._running += batch
        return batch

    def stepped(self) -> None:
        """Record a step without errors."""
        self._steps_since_trouble += 1
        if self._steps_since_trouble >= RECOVER_AFTER_STEPS and self.limit < self.ceiling:
            self.limit += 1
            self._steps_since_trouble = 0

    def lower_limit(self, limit: int) -> None:
        """Lower the limit to this total cost until enough steps have succeeded."""
        self.limit = max(1, min(self.limit, limit))
        self._steps_since_trouble = 0

    def put_back(self, job: Job) -> None:
        """Return a running job to the front of its priority's waiting jobs."""
        self._running.remove(job)
        self._protected.discard(job)
        self._waiting[job.priority].appendleft(job)

    def _next_waiting(self) -> Job | None:
        interactive, bulk = self._waiting[Priority.INTERACTIVE], self._waiting[Priority.BULK]
        if bulk and (not interactive or self._is_bulk_turn):
            return bulk[0]
        return interactive[0] if interactive else None

    @property
    def _is_bulk_turn(self) -> bool:
        return self._since_bulk >= self._bulk_every - 1

    def _make_room(self, job: Job) -> bool:
        """Return whether the job may run now. Bulk jobs are preempted to make room for an interactive one."""
        while self._running and _cost(self._running) + job.cost > self.limit:
            movable = [other for other in self._running if self._may_move(other)]
            fixed = _cost(self._running) - _cost(movable)
            if job.priority is Priority.BULK or not movable or (fixed and fixed + job.cost > self.limit):
                return False
            self.put_back(movable[0])
        return True

    def _may_move(self, job: Job) -> bool:
        return job.priority is Priority.BULK and job not in self._protected

    def _count_admission(self, job: Job) -> None:
        if job.priority is Priority.INTERACTIVE:
            self._since_bulk += bool(self._waiting[Priority.BULK])
            return
        if self._is_bulk_turn:
            self._protected.add(job)
        self._since_bulk = 0


def _cost(jobs: list[Job]) -> int:
    return sum(job.cost for job in jobs)
