"""Jobs that there is no room for are refused: in Redis, in the memory for results, in a client's share of either."""

import time
from collections.abc import Callable

import pytest
import redis

from shared.errors import QueueFull, QueueOutOfMemory
from shared.queue.admission import MEMORY_CHECK_S, Admission, NewJobs
from shared.queue.client_queues import queue_of
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.store import LONGEST_RETRY_AFTER_S, JobStore
from shared.schemas import GenerationRequest, Priority
from shared.settings import Settings

LIMIT = 8
Submit = Callable[..., None]


@pytest.fixture
def store(client: redis.Redis, settings: Settings) -> JobStore:
    return JobStore(client, settings.queue.model_copy(update={"limit": LIMIT, "bulk_limit": LIMIT}))


@pytest.fixture
def admission(client: redis.Redis, store: JobStore) -> Admission:
    return Admission(client, store)


@pytest.fixture
def submit(admission: Admission, store: JobStore) -> Submit:
    """Return a function that admits a client's jobs and records them, as the API does."""
    numbers = iter(range(1000))

    def submit(
        client: str, count: int = 1, *, priority: Priority = Priority.BULK, size: int = 0, budget: int = 0
    ) -> None:
        admission.check(NewJobs(client, priority, count, count * size), budget or 10**15)
        for _ in range(count):
            request = GenerationRequest(word="学", priority=priority)
            store.create(str(next(numbers)), request, client=client, result_bytes=size)

    return submit


def accepted(submit: Submit, client: str, **options: object) -> int:
    """Return how many single jobs of a client are accepted until one is refused."""
    for count in range(LIMIT + 1):
        try:
            submit(client, **options)
        except QueueFull:
            return count
    raise AssertionError("the queue was never full")


def test_each_further_client_finds_room(submit: Submit) -> None:
    assert [accepted(submit, name) for name in ("alice", "bob", "carol", "dave")] == [4, 2, 1, 1]
    assert accepted(submit, "erin") == 0


def test_without_keys_one_may_fill_the_queue(submit: Submit) -> None:
    assert accepted(submit, "") == LIMIT


def test_a_share_is_a_clients_own_even_in_a_queue_of_two(submit: Submit) -> None:
    first, *others = (str(number) for number in range(100))
    second = next(name for name in others if queue_of(Priority.BULK, name) == queue_of(Priority.BULK, first))
    assert [accepted(submit, first), accepted(submit, second)] == [4, 2]


def test_each_priority_has_shares_of_its_own(submit: Submit) -> None:
    assert accepted(submit, "alice") == 4
    assert accepted(submit, "alice", priority=Priority.INTERACTIVE) == 4


def test_a_deck_may_fill_an_empty_queue(submit: Submit) -> None:
    submit("alice", LIMIT)
    with pytest.raises(QueueFull, match=f"{LIMIT} jobs are waiting"):
        submit("bob")


def test_a_refused_client_is_told_when_it_has_room(
    submit: Submit, store: JobStore, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "retry_after_s", lambda places=1: 10 * places)
    submit("alice", 4)
    with pytest.raises(QueueFull, match="you have 4 jobs, and the 4 free places of 8 are for others") as one:
        submit("alice")
    assert one.value.retry_after_s == 10
    with pytest.raises(QueueFull) as three:
        submit("alice", 3)
    assert three.value.retry_after_s == 20, "two fewer that wait are also two more free places"
    leases.take("0")
    submit("alice")


def test_jobs_are_admitted_by_what_their_results_will_need(
    submit: Submit, store: JobStore, leases: Leases, settings: Settings
) -> None:
    for _ in range(3):
        submit("", size=100, budget=300)
    with pytest.raises(QueueOutOfMemory, match="results") as refused:
        submit("", size=100, budget=300)
    assert refused.value.retry_after_s == settings.queue.retry_after_s
    lease = leases.take("0")
    assert lease is not None
    with pytest.raises(QueueOutOfMemory):
        submit("", size=100, budget=300)  # running jobs count too
    leases.publish(lease, "result", b"{}", 1)
    submit("", size=100, budget=300)


def test_jobs_without_room_for_their_results_may_come_when_enough_have_ended(submit: Submit, store: JobStore) -> None:
    submit("", 3, size=100)
    with pytest.raises(QueueOutOfMemory) as refused:
        submit("", size=200, budget=300)
    assert refused.value.retry_after_s == 2 * store.retry_after_s(), "two of the three jobs must end"
    with pytest.raises(QueueOutOfMemory) as refused:
        submit("", size=10**9, budget=300)
    assert refused.value.retry_after_s == LONGEST_RETRY_AFTER_S


def test_the_results_of_one_client_leave_room_for_those_of_others(
    submit: Submit, store: JobStore, leases: Leases
) -> None:
    def kept(client: str) -> int:
        return accepted(submit, client, size=100, budget=800)

    assert kept("alice") == 4
    leases.take("0")  # the result of a running job needs memory too
    with pytest.raises(QueueFull, match="half of the memory") as refused:
        submit("alice", size=400, budget=800)
    assert refused.value.retry_after_s == 2 * store.retry_after_s()
    assert kept("bob") == 2


def test_the_load_follows_every_change(submit: Submit, store: JobStore, leases: Leases, client: redis.Redis) -> None:
    submit("alice", 3, size=7)  # the first measurement counts nothing, and what follows changes it
    submit("bob", 2, size=10**12, priority=Priority.INTERACTIVE)
    submit("", 2, size=5)
    done, back, cancelled = (leases.take(job) for job in ("0", "3", "5"))
    assert done is not None
    assert back is not None
    assert cancelled is not None
    leases.publish(done, "result", b"{}", 1)
    leases.release(back)
    store.cancel("5")
    leases.confirm_cancelled(cancelled)
    store.cancel("1")
    changed = {field: number for field, number in client.hgetall(Key.LOAD).items() if number != "0"}
    client.delete(Key.LOAD)
    submit("", 0)
    assert client.hgetall(Key.LOAD) == changed
    assert 0 < client.ttl(Key.LOAD) <= 5
    assert changed == {
        "jobs": "4", "bytes": str(7 + 2 * 10**12 + 5), "jobs:alice": "1", "bytes:alice": "7", "bulk:alice": "1",
        "jobs:bob": "2", "bytes:bob": str(2 * 10**12), "interactive:bob": "2",
        "jobs:": "1", "bytes:": "5", "bulk:": "1",
    }  # fmt: skip


def test_a_picture_larger_than_the_budget_is_accepted_when_nothing_else_is_expected(submit: Submit) -> None:
    submit("alice", size=1000, budget=800)


def test_memory_is_checked_from_time_to_time(
    submit: Submit, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr("shared.queue.admission.time.monotonic", lambda: now)
    submit("")
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.95))
    try:
        submit("")
        monkeypatch.setattr("shared.queue.admission.time.monotonic", lambda: now + MEMORY_CHECK_S)
        with pytest.raises(QueueOutOfMemory, match="almost out of memory"):
            submit("")
    finally:
        client.config_set("maxmemory", 0)
