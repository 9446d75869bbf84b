"""Job records in a real Redis."""

import json
import threading
import time

import pytest
import redis

from shared.errors import IdempotencyConflict, JobNotFound, QueueFull
from shared.queue.client_queues import queue_of
from shared.queue.clock import redis_time
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.schemas import GenerationRequest, JobError, JobStatus, Priority
from shared.settings import Settings
from tests.helpers import taken

REQUEST = GenerationRequest(word="学习", seed=7)
BULK = GenerationRequest(word="书", priority=Priority.BULK)
CLIENTS = ("alice", "carol", "dave")  # each has queues of its own


@pytest.fixture
def store(client: redis.Redis, settings: Settings) -> JobStore:
    return JobStore(client, settings.queue.model_copy(update={"limit": 3, "bulk_limit": 2}))


def test_a_new_job_is_queued(store: JobStore) -> None:
    assert store.create("a", REQUEST).is_new
    record = store.get("a")
    assert record.status is JobStatus.QUEUED
    assert record.request == REQUEST
    assert record.attempts == 0


def test_an_unknown_job_is_not_found(store: JobStore) -> None:
    with pytest.raises(JobNotFound):
        store.get("nope")
    with pytest.raises(JobNotFound):
        store.cancel("nope")


def test_each_queue_has_a_limit_of_its_own(store: JobStore, leases: Leases) -> None:
    for job, request in (("a", REQUEST), ("b", BULK), ("c", BULK)):
        store.create(job, request)
    with pytest.raises(QueueFull, match="2 jobs"):
        store.create("d", BULK)
    store.create("e", REQUEST)
    store.create("f", REQUEST)
    with pytest.raises(QueueFull, match="3 jobs") as error:
        store.create("g", REQUEST)
    assert error.value.retry_after_s
    with pytest.raises(JobNotFound):
        store.get("g")
    leases.take("a")
    assert store.create("g", REQUEST).is_new


def test_the_jobs_of_all_clients_count_against_the_limit(store: JobStore, leases: Leases) -> None:
    for job, name in zip("abc", CLIENTS, strict=True):
        store.create(job, REQUEST, client=name)
    assert store.depth() == {Priority.INTERACTIVE: 3, Priority.BULK: 0}
    with pytest.raises(QueueFull, match="3 jobs"):
        store.create("d", REQUEST, client=CLIENTS[0])
    leases.take("a")
    assert store.create("d", REQUEST, client=CLIENTS[0]).is_new


def test_of_another_clients_jobs_as_many_go_first_as_of_ones_own(client: redis.Redis, settings: Settings) -> None:
    store, (many, few, _) = JobStore(client, settings.queue), CLIENTS
    for number in range(5):
        store.create(f"many {number}", BULK, client=many)
    for number in range(2):
        store.create(f"few {number}", BULK, client=few)
    positions = {job: store.position(store.get(job)) for job in ("few 0", "few 1", "many 0", "many 1", "many 4")}
    assert positions == {"few 0": 0, "few 1": 2, "many 0": 0, "many 1": 2, "many 4": 6}
    store.create("interactive", REQUEST, client=many)
    assert store.position(store.get("few 1")) == 3
    assert store.position(store.get("interactive")) == 0


def test_a_job_goes_back_to_the_queue_that_it_came_from(store: JobStore, leases: Leases, client: redis.Redis) -> None:
    name = CLIENTS[0]
    queue = queue_of(Priority.INTERACTIVE, name)
    store.create("a", REQUEST, client=name)
    assert client.zrange(f"writing:waiting:{queue}", 0, -1) == ["a"]
    lease = taken(leases, "a")
    assert not client.exists(f"writing:waiting:{queue}")
    leases.release(lease)
    assert client.zrange(f"writing:waiting:{queue}", 0, -1) == ["a"]
    store.cancel("a")
    assert not client.exists(f"writing:waiting:{queue}")


def test_jobs_of_an_earlier_version_wait_in_the_queue_of_their_priority(
    store: JobStore, leases: Leases, client: redis.Redis
) -> None:
    store.create("a", BULK)
    client.hdel("writing:job:a", "queue")
    assert store.position(store.get("a")) == 0
    leases.release(taken(leases, "a"))
    assert store.depth() == {Priority.INTERACTIVE: 0, Priority.BULK: 1}
    taken(leases, "a")
    assert store.depth() == {Priority.INTERACTIVE: 0, Priority.BULK: 0}


def test_a_repeated_key_returns_the_first_job(store: JobStore) -> None:
    first = store.create("a", REQUEST, idempotency_key="k", fingerprint="f")
    again = store.create("b", REQUEST, idempotency_key="k", fingerprint="f")
    assert (again.job_id, again.is_new) == (first.job_id, False)
    with pytest.raises(JobNotFound):
        store.get("b")
    with pytest.raises(IdempotencyConflict):
        store.create("c", BULK, idempotency_key="k", fingerprint="g")


def test_a_repeated_key_is_answered_also_by_a_full_queue(store: JobStore) -> None:
    for job in "abc":
        store.create(job, REQUEST, idempotency_key=job, fingerprint="f")
    assert store.create("x", REQUEST, idempotency_key="a", fingerprint="f").job_id == "a"


def test_fifty_simultaneous_posts_with_one_key_make_one_job(store: JobStore) -> None:
    made: list[bool] = []

    def submit(number: int) -> None:
        made.append(store.create(str(number), REQUEST, idempotency_key="k", fingerprint="f").is_new)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.count(True) == 1
    assert store.depth() == {Priority.INTERACTIVE: 1, Priority.BULK: 0}


def test_bulk_jobs_let_interactive_ones_pass(store: JobStore, leases: Leases) -> None:
    store.create("bulk", BULK)
    store.create("first", REQUEST)
    store.create("second", REQUEST)
    assert [store.position(store.get(job)) for job in ("first", "second", "bulk")] == [0, 1, 2]
    leases.take("first")
    assert store.position(store.get("first")) is None
    assert [store.position(store.get(job)) for job in ("second", "bulk")] == [0, 1]


def test_cancelling_a_waiting_job_ends_it(store: JobStore, leases: Leases) -> None:
    store.create("a", REQUEST)
    store.cancel("a")
    store.cancel("a")
    assert store.get("a").status is JobStatus.CANCELLED
    assert store.depth()[Priority.INTERACTIVE] == 0
    assert leases.take("a") is None
    assert store.counts().cancelled == 1


def test_averages_are_of_the_jobs_that_succeeded(store: JobStore, leases: Leases, client: redis.Redis) -> None:
    assert store.counts().average_wait_ms is None
    for job_id, waited_s, generation_ms in (("a", 10, 900), ("b", 20, 300)):
        store.create(job_id, REQUEST)
        lease = taken(leases, job_id)
        client.hset(f"writing:job:{job_id}", "created_at", (lease.record.started_at or 0) - waited_s)
        assert leases.publish(lease, f"result:{job_id}", b"{}", generation_ms)
    store.create("c", REQUEST)
    assert leases.fail(taken(leases, "c"), JobError(code="out_of_memory", title="t", detail="d"))
    counts = store.counts()
    assert (counts.succeeded, counts.failed) == (2, 1)
    assert counts.average_generation_time_ms == 600
    assert counts.average_wait_ms == pytest.approx(15_000, abs=1)


def test_a_record_of_a_newer_version_can_be_read(store: JobStore, client: redis.Redis) -> None:
    store.create("a", REQUEST)
    request = json.loads(client.hget("writing:job:a", "request"))
    error = {"code": "c", "title": "t", "detail": "d", "hint": "new"}
    client.hset("writing:job:a", mapping={"request": json.dumps(request | {"mood": "new"}), "error": json.dumps(error)})
    record = store.get("a")
    assert record.request == REQUEST
    assert record.error is not None
    assert record.error.code == "c"


def test_retry_after_follows_the_measured_rate(store: JobStore, leases: Leases, client: redis.Redis) -> None:
    """It grows when no job ends any more."""
    assert store.retry_after_s() == 5, "without measurements, the setting applies"
    now = time.time()
    client.rpush("writing:finished", *(f"{now - 3 * ago} 3" for ago in range(10)))
    assert store.retry_after_s() == 3
    assert store.retry_after_s(places=4) == 12
    assert store.retry_after_s(places=10**6) <= 3600
    client.delete("writing:finished")
    client.rpush("writing:finished", *(f"{now - 1000 - ago} 1" for ago in range(10)))
    assert store.retry_after_s() == 1, "nothing waited in the meantime"
    store.create("a", REQUEST)
    client.hset("writing:job:a", "created_at", now - 900)
    assert store.retry_after_s() > 90


@pytest.mark.parametrize("off_s", [3600, -3600])
def test_a_machine_whose_clock_is_an_hour_off_changes_no_moment(
    store: JobStore, leases: Leases, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, off_s: int
) -> None:
    """Otherwise jobs would end before they were created, or would have waited for an hour."""
    began_at = redis_time(client)
    store.create("drawn", REQUEST)
    with monkeypatch.context() as patched:
        patched.setattr("time.time", lambda: began_at + off_s)
        leases.publish(taken(leases, "drawn"), "result", b"{}", 1)
        store.create("cancelled", REQUEST)
    store.cancel("cancelled")
    for record in map(store.get, ("drawn", "cancelled")):
        moments = [began_at, record.created_at, record.started_at, record.finished_at, redis_time(client)]
        known = [moment for moment in moments if moment is not None]
        assert known == sorted(known)
    waited_ms = store.counts().average_wait_ms
    assert waited_ms is not None
    assert waited_ms < 1000 * abs(off_s)


@pytest.mark.parametrize(
    ("gaps_s", "lasting_s", "drain_s"),
    [((2, 2, 3602), 2, 4), ((1, 1, 1), 10, 2 * 13 / 4)],
    ids=["the last one after an idle hour", "at the same time"],
)
def test_the_rate_is_that_of_busy_times(
    store: JobStore,
    leases: Leases,
    client: redis.Redis,
    *,
    gaps_s: tuple[int, ...],
    lasting_s: int,
    drain_s: float,
) -> None:
    """Four jobs end, with gaps between their ends; then two wait."""
    for number, gap_s in enumerate((0, *gaps_s)):
        ends = [end.split() for end in client.lrange("writing:finished", 0, -1)]
        for place, (ended_at, gap_before) in enumerate(ends):
            client.lset("writing:finished", place, f"{float(ended_at) - gap_s} {gap_before}")
        lease = leases.take(store.create(str(number), REQUEST).job_id)
        assert lease is not None
        client.hset(f"writing:job:{number}", "started_at", redis_time(client) - lasting_s)
        leases.publish(lease, "result", b"{}", 2000)
    assert store.drain_s() == 0
    for job_id in ("a", "b"):
        store.create(job_id, REQUEST)
    assert store.drain_s() == pytest.approx(drain_s, abs=0.5)


def test_an_idempotency_key_lives_as_long_as_its_job(store: JobStore, client: redis.Redis) -> None:
    """However long the job waits: an expired key would let a repeated call draw it again."""
    store.create("a", REQUEST, idempotency_key="k", fingerprint="f")
    key = Key.IDEMPOTENCY + "k"
    assert client.ttl(key) == -1
    store.cancel("a")
    assert 0 < client.ttl(key) == client.ttl(Key.JOB + "a")
