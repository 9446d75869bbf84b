"""Leases: who may work on a job, in a real Redis."""

from collections.abc import Callable

import pytest
import redis

from shared.queue.keys import Key, waiting_key
from shared.queue.leases import Leases, new_token
from shared.queue.store import JobStore
from shared.schemas import GenerationRequest, JobError, JobStatus, Priority, Progress
from tests.helpers import taken

REQUEST = GenerationRequest(word="学习", seed=7)
BULK = GenerationRequest(word="书", priority=Priority.BULK)
ERROR = JobError(code="out_of_memory", title="t", detail="d", field=None)


def die(leases: Leases, observer: Leases) -> list[str]:
    """Make a worker's counter appear unchanged to another worker."""
    return observer.reap(leases.worker, observer.beats()[leases.worker])


def test_a_job_is_taken_once(store: JobStore, worker: Callable[[str], Leases]) -> None:
    """A second delivery of its message finds nothing to do, neither while it runs nor after its end."""
    first, second = worker("first"), worker("second")
    store.create("a", REQUEST)
    lease = taken(first, "a")
    assert (lease.record.status, lease.record.attempts, lease.record.worker) == (JobStatus.RUNNING, 1, "first")
    assert second.take("a") is None
    assert first.take("a") is None
    assert first.publish(lease, "result", b"{}", 1200)
    assert second.take("a") is None
    assert second.take("nope") is None


def test_a_call_whose_answer_was_lost_can_be_repeated(store: JobStore, worker: Callable[[str], Leases]) -> None:
    leases, token = worker("w"), new_token()
    store.create("a", REQUEST)
    assert leases.take("a", token) is not None
    lease = leases.take("a", token)
    assert lease is not None
    assert lease.record.attempts == 1
    assert leases.publish(lease, "result", b"{}", 1200)
    assert leases.publish(lease, "result", b"{}", 1200)
    assert store.counts().succeeded == 1


def test_the_time_that_jobs_waited_is_summed(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    leases = worker("w")
    for job, waited_s in (("a", 30), ("b", 12.5)):
        store.create(job, REQUEST)
        lease = taken(leases, job)
        client.hset(f"writing:job:{job}", mapping={"created_at": 1000, "started_at": 1000 + waited_s})
        assert leases.publish(lease, "result", b"{}", 1200)
    assert client.hget(Key.STATS, "wait_ms") == "42500"


def test_the_latest_fifty_failures_are_kept(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    """And the latest fifty ends, from which the rate is measured."""
    leases = worker("w")
    for number in range(52):
        store.create(str(number), REQUEST)
        assert leases.fail(taken(leases, str(number)), ERROR)
    assert [failure.job_id for failure in store.recent_failures()] == [str(number) for number in range(51, 1, -1)]
    assert client.llen(Key.FINISHED) == client.llen(Key.RECENT_FAILURES) == 50


def test_the_result_and_the_end_of_the_job_come_together(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    leases = worker("w")
    store.create("a", REQUEST)
    lease = taken(leases, "a")
    assert client.ttl("writing:job:a") == -1
    assert leases.publish(lease, "result", b'{"x": 1}', 1200)
    assert client.get("result") == '{"x": 1}'
    assert 0 < client.ttl("result") <= 86400
    assert 0 < client.ttl("writing:job:a") <= 604800
    assert store.get("a").status is JobStatus.SUCCEEDED
    assert store.counts().average_generation_time_ms == 1200


def test_terminal_statuses_never_change(store: JobStore, worker: Callable[[str], Leases]) -> None:
    leases = worker("w")
    store.create("a", REQUEST)
    lease = taken(leases, "a")
    assert leases.fail(lease, ERROR)
    store.cancel("a")
    leases.confirm_cancelled(lease)
    leases.publish(lease, "result", b"{}", 1)
    assert not leases.release(lease)
    record = store.get("a")
    assert (record.status, record.error) == (JobStatus.FAILED, ERROR)


def test_a_worker_that_lost_its_lease_publishes_nothing(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    """A zombie: stopped for so long that its job was requeued, and then continued."""
    zombie, other = worker("zombie"), worker("other")
    store.create("a", REQUEST)
    old = taken(zombie, "a")
    assert die(zombie, other) == ["a"]
    assert zombie.report(old, "diffusion", Progress(step=1, total_steps=2)).is_lost
    assert not zombie.publish(old, "result", b"old", 1)
    new = taken(other, "a")
    assert (new.record.attempts, new.record.crash_count) == (2, 1)
    assert not zombie.publish(old, "result", b"old", 1)
    zombie.save_preview(old, b"old", 1)
    assert not client.exists("writing:preview:a")
    assert not zombie.fail(old, ERROR)
    assert not zombie.release(old)
    assert not client.exists("result")
    assert other.publish(new, "result", b"new", 1)
    assert not zombie.publish(old, "result", b"old", 1)
    assert client.get("result") == "new"


def test_a_cancelled_job_ends_as_cancelled_also_at_its_last_crash(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    store.create("a", REQUEST)
    taken(worker("dead"), "a")
    client.hset("writing:job:a", "deaths", 100)
    store.cancel("a")
    assert die(worker("dead"), worker("alive")) == []
    assert store.get("a").status is JobStatus.CANCELLED


def test_cancelling_a_running_job_reaches_its_worker(store: JobStore, worker: Callable[[str], Leases]) -> None:
    leases = worker("w")
    store.create("a", REQUEST)
    lease = taken(leases, "a")
    assert not leases.report(lease, "diffusion", Progress(step=1, total_steps=10)).is_cancelled
    store.cancel("a")
    assert store.get("a").status is JobStatus.RUNNING
    assert leases.report(lease, "diffusion", Progress(step=2, total_steps=10)).is_cancelled
    assert store.get("a").progress == Progress(step=2, total_steps=10)
    assert leases.confirm_cancelled(lease)
    assert store.get("a").status is JobStatus.CANCELLED


def test_a_late_report_brings_no_expired_record_back(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    leases = worker("w")
    store.create("a", REQUEST)
    lease = taken(leases, "a")
    client.delete("writing:job:a")
    assert leases.report(lease, "diffusion", Progress()).is_lost
    assert not leases.publish(lease, "result", b"{}", 1)
    assert not client.exists("writing:job:a")


def test_a_released_job_waits_again_at_its_old_place_without_a_crash(
    store: JobStore, worker: Callable[[str], Leases]
) -> None:
    leases = worker("w")
    for job in ("first", "second"):
        store.create(job, REQUEST)
    lease = taken(leases, "first")
    assert leases.release(lease)
    record = store.get("first")
    assert (record.status, record.crash_count) == (JobStatus.QUEUED, 0)
    assert [store.position(store.get(job)) for job in ("first", "second")] == [0, 1]


def test_a_cancelled_job_that_is_released_ends(store: JobStore, leases: Leases) -> None:
    store.create("a", REQUEST)
    lease = taken(leases, "a")
    store.cancel("a")
    assert leases.release(lease)
    assert store.get("a").status is JobStatus.CANCELLED
    assert store.depth()[Priority.INTERACTIVE] == 0


def test_a_full_redis_lets_jobs_wait_again_and_be_cancelled(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    dead, drained, alive = (worker(name) for name in ("dead", "drained", "alive"))
    for job in "abc":
        store.create(job, REQUEST)
    taken(dead, "a")
    lease = taken(drained, "b")
    taken(alive, "c")
    client.config_set("maxmemory", 1)
    try:
        assert die(dead, alive) == ["a"]
        assert drained.release(lease)
        store.cancel("c")
    finally:
        client.config_set("maxmemory", 0)
    assert [store.get(job).status for job in "ab"] == [JobStatus.QUEUED] * 2
    assert store.get("c").cancel_requested


def test_a_job_that_an_earlier_version_left_in_its_queue_is_removed(
    store: JobStore, leases: Leases, client: redis.Redis
) -> None:
    store.create("a", BULK, client="alice")
    queue = store.get("a").queue
    store.cancel("a")
    client.zadd(waiting_key(queue), {"a": 1})
    assert store.depth()[Priority.BULK] == 1
    assert leases.take("a") is None
    assert store.depth()[Priority.BULK] == 0


def test_a_counter_that_moved_keeps_the_leases(store: JobStore, worker: Callable[[str], Leases]) -> None:
    """The worker sends a heartbeat or takes a job between the check and the script."""
    alive, other = worker("alive"), worker("other")
    for job in "ab":
        store.create(job, REQUEST)
    alive.take("a")
    for move in (alive.beat, lambda: alive.take("b")):
        seen = other.beats()["alive"]
        move()
        assert other.reap("alive", seen) == []
    assert [store.get(job).status for job in "ab"] == [JobStatus.RUNNING] * 2


def test_a_cancelled_job_of_a_dead_worker_ends_cancelled(store: JobStore, worker: Callable[[str], Leases]) -> None:
    dead, other = worker("dead"), worker("other")
    store.create("a", REQUEST)
    dead.take("a")
    store.cancel("a")
    assert die(dead, other) == []
    assert store.get("a").status is JobStatus.CANCELLED


def test_a_job_that_kills_three_workers_is_given_up(store: JobStore, worker: Callable[[str], Leases]) -> None:
    other = worker("other")
    store.create("a", REQUEST)
    for number in range(3):
        victim = worker(f"victim-{number}")
        lease = taken(victim, "a")
        assert len(die(victim, other)) == (number < 2)
    assert not victim.publish(lease, "result", b"{}", 1), "a zombie"
    record = store.get("a")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.code == "poisoned"
    assert store.counts().failed == 1


def test_jobs_beside_a_quarantined_one_are_not_charged(store: JobStore, worker: Callable[[str], Leases]) -> None:
    other = worker("other")
    for job in ("culprit", "bystander"):
        store.create(job, REQUEST)
    first = worker("first")
    first.take("culprit")
    die(first, other)
    second = worker("second")
    assert second.is_quarantined("culprit")
    second.take("culprit")
    second.take("bystander")
    die(second, other)
    assert (store.get("culprit").crash_count, store.get("bystander").crash_count) == (2, 0)


def test_a_worker_that_ends_in_order_leaves_nothing(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    leases = worker("w")
    for job in "ab":
        store.create(job, REQUEST)
    done, stopped = taken(leases, "a"), taken(leases, "b")
    leases.publish(done, "result", b"{}", 1)
    leases.sign_off()
    assert "w" in leases.beats(), "it still holds a job"
    leases.release(stopped)
    leases.sign_off()
    assert leases.beats() == {}
    assert not client.exists("writing:beat:w", "writing:running:w")


def test_a_record_that_is_gone_stops_nothing(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    dead, alive = worker("dead"), worker("alive")
    for job in ("a", "gone", "z"):
        store.create(job, REQUEST)
        dead.take(job)
    client.delete("writing:job:gone")
    assert set(die(dead, alive)) == {"a", "z"}
    assert [store.get(job).status for job in ("a", "z")] == [JobStatus.QUEUED] * 2
    assert not client.exists("writing:job:gone", "writing:beat:dead", "writing:running:dead")
    assert alive.beats() == {}


@pytest.mark.parametrize("crashes", [0, 2])
def test_a_job_that_a_live_worker_took_meanwhile_stays_its_own(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis, crashes: int
) -> None:
    """Neither its lease nor its crash count changes, although the dead worker's list contains it."""
    dead, alive = worker("dead"), worker("alive")
    store.create("a", REQUEST)
    client.hset("writing:job:a", "deaths", crashes)
    lease = taken(alive, "a")
    dead.beat()
    client.sadd("writing:running:dead", "a")
    assert die(dead, alive) == []
    record = store.get("a")
    assert (record.status, record.worker, record.crash_count) == (JobStatus.RUNNING, "alive", crashes)
    assert alive.publish(lease, "result", b"{}", 1)


@pytest.mark.parametrize("request_text", ["{", "[]", '{"word": 1}', '{"translation": "no word"}', None])
def test_a_job_whose_record_cannot_be_read_ends(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis, request_text: str | None
) -> None:
    store.create("a", REQUEST)
    readable = client.hget("writing:job:a", "request")
    client.hdel("writing:job:a", "request")
    if request_text is not None:
        client.hset("writing:job:a", "request", request_text)
    assert worker("w").take("a") is None
    client.hset("writing:job:a", "request", readable)
    record = store.get("a")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.code == "unreadable_record"
    assert not client.smembers("writing:running:w")
