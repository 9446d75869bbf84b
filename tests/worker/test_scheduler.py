"""Which jobs run and which take a step, in any order of events."""

import weakref
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.schemas import Priority
from worker.engine.scheduler import RECOVER_AFTER_STEPS, Scheduler

LIMIT, BULK_EVERY, MOST_JOBS = 4, 3, 12
NUMBERS = count()


@dataclass(eq=False)
class Job:
    """A job as the scheduler sees it, with a test's records."""

    priority: Priority = Priority.INTERACTIVE
    group: str = "square"
    cost: int = 1
    steps_left: int = 3
    number: int = field(default_factory=lambda: next(NUMBERS))
    turns_waited: int = 0


def cost(jobs: tuple[Job, ...] | list[Job]) -> int:
    return sum(job.cost for job in jobs)


def test_first_in_first_out_within_the_limit() -> None:
    scheduler: Scheduler[Job] = Scheduler(2)
    jobs = [Job() for _ in range(3)]
    for job in jobs:
        scheduler.submit(job)
    assert set(scheduler.admit()) == set(jobs[:2])
    assert set(scheduler.next_batch()) == set(jobs[:2])
    scheduler.remove(jobs[0])
    assert scheduler.admit() == [jobs[2]]
    assert set(scheduler.next_batch()) == set(jobs[1:])


def test_groups_take_turns() -> None:
    scheduler: Scheduler[Job] = Scheduler(4)
    square, tall = Job(group="square"), Job(group="tall")
    for job in (square, Job(group="square"), tall):
        scheduler.submit(job)
    scheduler.admit()
    turns = [scheduler.next_batch()[0].group for _ in range(6)]
    assert turns in (["square", "tall"] * 3, ["tall", "square"] * 3)


def test_a_job_dearer_than_the_limit_runs_alone() -> None:
    scheduler: Scheduler[Job] = Scheduler(2)
    large, small = Job(cost=5), Job()
    scheduler.submit(large)
    scheduler.submit(small)
    assert scheduler.admit() == [large]
    assert scheduler.next_batch() == [large]
    scheduler.remove(large)
    assert scheduler.admit() == [small]


def test_an_interactive_job_takes_a_bulk_jobs_place_and_the_bulk_job_goes_on_later() -> None:
    scheduler: Scheduler[Job] = Scheduler(1)
    bulk, interactive = Job(Priority.BULK), Job()
    scheduler.submit(bulk)
    scheduler.admit()
    scheduler.submit(interactive)
    assert scheduler.admit() == [interactive]
    assert scheduler.next_batch() == [interactive]
    scheduler.remove(interactive)
    assert scheduler.admit() == [bulk]


def test_a_preempted_bulk_job_goes_on_before_the_bulk_jobs_that_wait() -> None:
    scheduler: Scheduler[Job] = Scheduler(1)
    begun, later, interactive = Job(Priority.BULK), Job(Priority.BULK), Job()
    scheduler.submit(begun)
    scheduler.admit()
    scheduler.submit(later)
    scheduler.submit(interactive)
    assert scheduler.admit() == [interactive]
    scheduler.remove(interactive)
    assert scheduler.admit() == [begun]


def test_bulk_jobs_have_their_turn_under_endless_interactive_load() -> None:
    scheduler: Scheduler[Job] = Scheduler(1, BULK_EVERY)
    bulk = Job(Priority.BULK)
    scheduler.submit(bulk)
    admitted: list[Job] = []
    for _ in range(BULK_EVERY + 1):
        scheduler.submit(Job())
    while bulk not in admitted:
        (job,) = scheduler.admit()
        admitted.append(job)
        # Other jobs keep arriving; the bulk job keeps its place once it has had its turn.
        scheduler.submit(Job())
        assert scheduler.admit() == []
        scheduler.remove(job)
    assert len(admitted) == BULK_EVERY


def test_the_limit_recovers_after_a_quiet_while() -> None:
    scheduler: Scheduler[Job] = Scheduler(4)
    scheduler.lower_limit(2)
    assert scheduler.limit == 2
    for _ in range(RECOVER_AFTER_STEPS - 1):
        scheduler.stepped()
    assert scheduler.limit == 2
    scheduler.stepped()
    assert scheduler.limit == 3
    for _ in range(RECOVER_AFTER_STEPS - 1):
        scheduler.stepped()
    assert scheduler.limit == 3, "each raise takes as many steps"
    for _ in range(2 * RECOVER_AFTER_STEPS):
        scheduler.stepped()
    assert scheduler.limit == 4


def test_each_lowering_of_the_limit_begins_the_quiet_while_anew() -> None:
    scheduler: Scheduler[Job] = Scheduler(4)
    scheduler.lower_limit(3)
    for _ in range(RECOVER_AFTER_STEPS - 1):
        scheduler.stepped()
    scheduler.lower_limit(2)
    scheduler.stepped()
    assert scheduler.limit == 2
    scheduler.lower_limit(3)
    assert scheduler.limit == 2, "lowering never raises it"


def test_a_lowered_limit_holds_for_the_jobs_that_run_and_they_take_turns() -> None:
    scheduler: Scheduler[Job] = Scheduler(4)
    jobs = [Job() for _ in range(4)]
    for job in jobs:
        scheduler.submit(job)
    scheduler.admit()
    scheduler.lower_limit(2)
    first, second = scheduler.next_batch(), scheduler.next_batch()
    assert len(first) == len(second) == 2
    assert {*first, *second} == {*jobs}


def test_interactive_jobs_count_only_while_a_bulk_job_waits() -> None:
    scheduler: Scheduler[Job] = Scheduler(1, BULK_EVERY)
    for _ in range(BULK_EVERY):
        scheduler.submit(Job())
        scheduler.remove(*scheduler.admit())
    interactive = Job()
    scheduler.submit(Job(Priority.BULK))
    scheduler.submit(interactive)
    assert scheduler.admit() == [interactive]


def test_a_bulk_job_that_had_its_turn_and_was_put_back_is_like_any_other() -> None:
    scheduler: Scheduler[Job] = Scheduler(1, BULK_EVERY)
    bulk, after, latest = Job(Priority.BULK), Job(), Job()
    scheduler.submit(bulk)
    for _ in range(BULK_EVERY - 1):
        scheduler.submit(Job())
        scheduler.remove(*scheduler.admit())
    scheduler.submit(after)
    assert scheduler.admit() == [bulk]
    scheduler.put_back(bulk)
    assert scheduler.admit() == [after]
    scheduler.remove(after)
    assert scheduler.admit() == [bulk]
    scheduler.submit(latest)
    assert scheduler.admit() == [latest]


def test_no_bulk_job_makes_room_for_a_job_that_does_not_fit_even_then() -> None:
    scheduler: Scheduler[Job] = Scheduler(3)
    running = (Job(cost=2), Job(Priority.BULK))
    for job in running:
        scheduler.submit(job)
    scheduler.admit()
    scheduler.submit(Job(cost=2))
    assert scheduler.admit() == []
    assert set(scheduler.running) == set(running)


def test_all_bulk_jobs_make_room_for_a_job_dearer_than_the_limit() -> None:
    scheduler: Scheduler[Job] = Scheduler(2)
    bulk, large = [Job(Priority.BULK), Job(Priority.BULK)], Job(cost=5)
    for job in (*bulk, large):
        scheduler.submit(job)
        scheduler.admit()
    assert scheduler.running == (large,)
    assert set(scheduler.waiting) == set(bulk)


def test_a_job_that_was_removed_is_not_kept_alive() -> None:
    """A job holds its latents."""
    scheduler: Scheduler[Job] = Scheduler(1, BULK_EVERY)
    scheduler.submit(Job(Priority.BULK))
    for _ in range(BULK_EVERY - 1):
        scheduler.submit(Job())
        scheduler.remove(*scheduler.admit())
    scheduler.submit(Job())
    (bulk,) = scheduler.admit()  # admitted out of turn
    removed = weakref.ref(bulk)
    assert bulk.priority is Priority.BULK
    scheduler.remove(bulk)
    del bulk
    assert removed() is None


def test_the_bulk_job_that_was_stepped_last_is_the_last_to_make_room() -> None:
    scheduler: Scheduler[Job] = Scheduler(2)
    for group in ("square", "tall"):
        scheduler.submit(Job(Priority.BULK, group))
    scheduler.admit()
    (stepped,) = scheduler.next_batch()
    scheduler.submit(Job())
    scheduler.admit()
    assert stepped in scheduler.running
    assert len(scheduler.waiting) == 1


def test_a_newly_admitted_job_is_the_next_of_its_group() -> None:
    scheduler: Scheduler[Job] = Scheduler(3)
    begun, new = Job(), Job()
    scheduler.submit(begun)
    scheduler.admit()
    scheduler.next_batch()
    scheduler.submit(new)
    scheduler.admit()
    scheduler.lower_limit(1)
    assert scheduler.next_batch() == [new]


class SchedulerMachine(RuleBasedStateMachine):
    """Submits, steps, cancels, fails, runs out of memory and finishes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler: Scheduler[Job] = Scheduler(LIMIT, BULK_EVERY)
        self.alive: list[Job] = []
        self.ended: dict[int, str] = {}

    def end(self, job: Job, how: str) -> None:
        assert job.number not in self.ended
        self.ended[job.number] = how
        self.alive.remove(job)
        self.scheduler.remove(job)

    @precondition(lambda self: len(self.alive) < MOST_JOBS)
    @rule(
        priority=st.sampled_from(Priority),
        group=st.sampled_from(["square", "tall", "wide"]),
        cost=st.sampled_from([1, 1, 1, 2, 6]),
        steps=st.integers(1, 5),
    )
    def submit(self, priority: Priority, group: str, cost: int, steps: int) -> None:
        job = Job(priority, group, cost, steps)
        self.alive.append(job)
        self.scheduler.submit(job)

    @rule()
    def step(self) -> None:
        before = set(self.scheduler.running)
        admitted = self.scheduler.admit()
        assert before.isdisjoint(admitted)
        batch = self.scheduler.next_batch()
        assert bool(batch) == bool(self.alive), "while there are jobs, one runs"
        assert len({job.group for job in batch}) <= 1
        assert len(batch) <= 1 or cost(batch) <= self.scheduler.limit
        for job in self.scheduler.running:
            job.turns_waited = 0 if job in batch else job.turns_waited + 1
        for job in batch:
            job.steps_left -= 1
            if job.steps_left == 0:
                self.end(job, "finished")
        self.scheduler.stepped()

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), how=st.sampled_from(["cancelled", "failed"]))
    def end_any(self, data: st.DataObject, how: str) -> None:
        self.end(data.draw(st.sampled_from(self.alive)), how)

    @precondition(lambda self: self.scheduler.running)
    @rule()
    def out_of_memory(self) -> None:
        batch = self.scheduler.next_batch()
        self.scheduler.lower_limit(cost(batch) // 2)

    @precondition(lambda self: self.scheduler.running)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        self.scheduler.put_back(data.draw(st.sampled_from(self.scheduler.running)))

    @invariant()
    def every_job_is_somewhere_once(self) -> None:
        assert sorted(job.number for job in self.scheduler.jobs) == sorted(job.number for job in self.alive)

    @invariant()
    def limits_hold(self) -> None:
        assert 1 <= self.scheduler.limit <= LIMIT
        assert len(self.scheduler.running) <= 1 or cost(self.scheduler.running) <= LIMIT

    @invariant()
    def nobody_that_runs_waits_long_for_a_step(self) -> None:
        # Three groups take turns, and after an error a group may need as many turns as it has jobs.
        assert all(job.turns_waited <= 3 * LIMIT for job in self.scheduler.running)

    def teardown(self) -> None:
        """Check that further steps end every job, within the largest possible number of turns."""
        for _ in range(MOST_JOBS * 5 * 3 + 1):
            if not self.alive:
                break
            self.step()
        assert not self.alive


SchedulerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
test_in_any_order_every_job_ends_once_and_none_starves = SchedulerMachine.TestCase


@pytest.mark.parametrize("limit", [1, 2, 8])
def test_a_long_queue_is_served_in_order(limit: int) -> None:
    scheduler: Scheduler[Job] = Scheduler(limit)
    jobs = [Job(steps_left=1) for _ in range(40)]
    for job in jobs:
        scheduler.submit(job)
    served: list[Job] = []
    while scheduler.jobs:
        scheduler.admit()
        batch = sorted(scheduler.next_batch(), key=lambda job: job.number)
        served += batch
        for job in batch:
            scheduler.remove(job)
    assert served == jobs
