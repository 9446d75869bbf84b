"""Jobs that there is no room for are refused: in Redis, in the memory for results, in a client's share of the queue."""

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from shared.errors import QueueFull, QueueOutOfMemory
from shared.queue.admission import MEMORY_CHECK_S, Admission
from shared.queue.client_queues import queue_of
from shared.queue.decks import DeckEntry, DeckRecord, DeckStore, NewDeck
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.store import LONGEST_RETRY_AFTER_S, JobStore
from shared.schemas import GenerationRequest, JobStatus, Priority
from shared.settings import Settings
from tests.helpers import taken

LIMIT = 8
NO_LIMIT = 10**15  # bytes
NAMES = map(str, itertools.count())
Submit = Callable[..., str]


@pytest.fixture
def store(client: redis.Redis, settings: Settings) -> JobStore:
    return JobStore(client, settings.queue.model_copy(update={"limit": LIMIT, "bulk_limit": LIMIT}))


@pytest.fixture
def submit(client: redis.Redis, store: JobStore) -> Submit:
    """Return a function that submits a job as the API does, and returns its id."""
    admission = Admission(client, store)

    def submit(owner: str, *, priority: Priority = Priority.BULK, size: int = 0, budget: int = NO_LIMIT) -> str:
        admission.check(owner, size, budget)
        request = GenerationRequest(word="学", priority=priority)
        return store.create(next(NAMES), request, client=owner, result_bytes=size).job_id

    return submit


@pytest.fixture
def submit_deck(client: redis.Redis, store: JobStore, settings: Settings) -> Callable[[str, int], None]:
    """Return a function that submits a client's deck of so many words."""
    decks = DeckStore(client, store, settings.queue)

    def submit(owner: str, words: int) -> None:
        jobs = [next(NAMES) for _ in range(words)]
        request = GenerationRequest(word="学", priority=Priority.BULK)
        entries = tuple(DeckEntry("学", job_id=job) for job in jobs)
        record = DeckRecord(next(NAMES), "deck", None, entries, None)
        decks.create(NewDeck(record, dict.fromkeys(jobs, request), owner, 0), idempotency_key=None, fingerprint="")

    return submit


def accepted(submit: Submit, owner: str, **options: object) -> int:
    """Return how many jobs of a client are accepted until one is refused."""
    for count in range(LIMIT + 1):
        try:
            submit(owner, **options)
        except QueueFull:
            return count
    raise AssertionError("the queue was never full")


def test_each_further_client_finds_room(submit: Submit) -> None:
    assert [accepted(submit, name) for name in ("alice", "bob", "carol", "dave")] == [4, 2, 1, 1]
    assert accepted(submit, "erin") == 0


def test_an_only_client_may_take_all_memory_for_results(client: redis.Redis, settings: Settings) -> None:
    store = JobStore(client, settings.queue, is_shared=False)
    admission = Admission(client, store)
    for name in ("a", "b", "c"):
        admission.check("alice", 10, 30)
        store.create(name, GenerationRequest(word="学"), client="alice", result_bytes=10)
    with pytest.raises(QueueOutOfMemory):
        admission.check("alice", 10, 30)


def test_without_keys_one_may_fill_the_queue(submit: Submit) -> None:
    assert accepted(submit, "") == LIMIT


def test_a_share_is_a_clients_own_even_in_a_queue_of_two(submit: Submit) -> None:
    first, *others = (str(number) for number in range(100))
    second = next(name for name in others if queue_of(Priority.BULK, name) == queue_of(Priority.BULK, first))
    assert [accepted(submit, first), accepted(submit, second)] == [4, 2]


def test_each_priority_has_shares_of_its_own(submit: Submit) -> None:
    assert accepted(submit, "alice") == 4
    assert accepted(submit, "alice", priority=Priority.INTERACTIVE) == 4


def test_running_jobs_take_no_place_in_the_queue(submit: Submit, leases: Leases) -> None:
    """Otherwise a client could not keep many workers busy."""
    for _ in range(3 * LIMIT):
        assert leases.take(submit("alice")) is not None
    assert accepted(submit, "alice") == 4


def test_jobs_that_wait_again_take_their_places(submit: Submit, leases: Leases) -> None:
    lease = taken(leases, submit("alice"))
    assert accepted(submit, "alice") == 4
    leases.release(lease)
    assert accepted(submit, "alice") == 0


def test_who_submits_much_at_once_gets_no_more(submit: Submit) -> None:
    with ThreadPoolExecutor(LIMIT) as pool:
        counts = pool.map(lambda _: accepted(submit, "alice"), range(LIMIT))
    assert sum(counts) == 4


def test_a_deck_counts_by_its_words(submit_deck: Callable[[str, int], None]) -> None:
    submit_deck("alice", 3)
    with pytest.raises(QueueFull, match="3 of your jobs are waiting, and the 5 free places are for others"):
        submit_deck("alice", 3)
    submit_deck("bob", 3)
    with pytest.raises(QueueFull, match=f"at most {LIMIT}"):
        submit_deck("carol", 3)


def test_a_deck_may_fill_an_empty_queue(submit: Submit, submit_deck: Callable[[str, int], None]) -> None:
    submit_deck("alice", LIMIT)
    with pytest.raises(QueueFull, match=f"{LIMIT} jobs are waiting"):
        submit("bob")


def test_a_refused_client_is_told_when_it_has_room(
    submit: Submit,
    submit_deck: Callable[[str, int], None],
    store: JobStore,
    leases: Leases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "retry_after_s", lambda places=1: 10 * places)
    jobs = [submit("alice") for _ in range(4)]
    with pytest.raises(QueueFull) as one:
        submit("alice")
    assert one.value.retry_after_s == 10
    with pytest.raises(QueueFull) as three:
        submit_deck("alice", 3)
    assert three.value.retry_after_s == 20, "two fewer that wait are also two more free places"
    leases.take(jobs[0])
    submit("alice")


def test_jobs_are_admitted_by_what_their_results_will_need(submit: Submit, leases: Leases, settings: Settings) -> None:
    jobs = [submit("", size=100, budget=300) for _ in range(3)]
    with pytest.raises(QueueOutOfMemory, match="results") as refused:
        submit("", size=100, budget=300)
    assert refused.value.retry_after_s == settings.queue.retry_after_s
    lease = taken(leases, jobs[0])
    with pytest.raises(QueueOutOfMemory):
        submit("", size=100, budget=300)  # running jobs count too
    leases.publish(lease, "result", b"{}", 1)
    submit("", size=100, budget=300)


def test_jobs_without_room_for_their_results_may_come_when_enough_have_ended(submit: Submit, store: JobStore) -> None:
    for _ in range(3):
        submit("", size=100)
    with pytest.raises(QueueOutOfMemory) as refused:
        submit("", size=200, budget=300)
    assert refused.value.retry_after_s == 2 * store.retry_after_s(), "two of the three jobs must end"
    with pytest.raises(QueueOutOfMemory) as refused:
        submit("", size=10**9, budget=300)
    assert refused.value.retry_after_s == LONGEST_RETRY_AFTER_S


def test_the_results_of_one_client_leave_room_for_those_of_others(
    submit: Submit, store: JobStore, leases: Leases
) -> None:
    first = submit("alice", size=100, budget=800)
    leases.take(first)  # the result of a running job needs memory too
    assert accepted(submit, "alice", size=100, budget=800) == 3
    with pytest.raises(QueueFull, match="half of the memory") as refused:
        submit("alice", size=400, budget=800)
    assert refused.value.retry_after_s == 2 * store.retry_after_s()
    assert accepted(submit, "bob", size=100, budget=800) == 2


def test_a_picture_larger_than_the_budget_is_accepted_when_nothing_else_is_expected(submit: Submit) -> None:
    submit("alice", size=1000, budget=800)


def test_the_load_follows_every_change(
    submit: Submit, store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    leases, dead = worker("w"), worker("dead")
    submit("alice")  # whose result is estimated at 0 bytes
    done, running, stopped = (taken(leases, submit("alice", size=7)) for _ in range(3))
    leases.publish(done, "result", b"{}", 1)
    store.cancel(stopped.job_id)
    leases.confirm_cancelled(stopped)
    submit("alice", size=7)
    store.cancel(submit("alice", size=7))
    released, abandoned, stray, _ = (submit("bob", size=10**12, priority=Priority.INTERACTIVE) for _ in range(4))
    leases.release(taken(leases, released))
    taken(dead, abandoned)
    leases.reap("dead", leases.beats()["dead"])
    taken(leases, stray)
    leases.give_back(lambda: {running.job_id})
    taken(leases, submit("", size=5))
    submit("", size=5)
    changed = {field: number for field, number in client.hgetall(Key.LOAD).items() if number != "0"}
    client.delete(Key.LOAD)
    Admission(client, store).check("", 0, NO_LIMIT)
    assert client.hgetall(Key.LOAD) == changed
    assert 0 < client.ttl(Key.LOAD) <= 5
    assert changed == {
        "jobs": "9", "bytes": str(2 * 7 + 4 * 10**12 + 2 * 5),
        "jobs:alice": "3", "bytes:alice": "14", "bulk:alice": "2",
        "jobs:bob": "4", "bytes:bob": str(4 * 10**12), "interactive:bob": "4",
        "jobs:": "2", "bytes:": "10", "bulk:": "1",
    }  # fmt: skip


@pytest.mark.parametrize("size", ["", "0", "many", "1e30"])
def test_a_damaged_estimate_keeps_no_job_from_ending(
    submit: Submit, store: JobStore, leases: Leases, client: redis.Redis, size: str
) -> None:
    Admission(client, store).check("", 0, NO_LIMIT)
    job = submit("alice", size=1)
    client.hset(Key.JOB + job, "result_bytes", size)
    assert leases.publish(taken(leases, job), "result", b"{}", 1)
    assert store.get(job).status is JobStatus.SUCCEEDED
    assert client.ttl(Key.JOB + job) > 0


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
