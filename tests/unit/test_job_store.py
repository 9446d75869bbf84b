"""Job records in a real Redis."""

import threading

import pytest
import redis

from shared.errors import IdempotencyConflict, JobNotFound, QueueFull
from shared.job_store import JobStore
from shared.redis_client import make_redis
from shared.schemas import GenerationRequest, JobError, JobStatus, Priority, Progress
from shared.settings import Settings

REQUEST = GenerationRequest(word="学习", seed=7)
BULK = GenerationRequest(word="书", priority=Priority.BULK)


@pytest.fixture
def client(settings: Settings) -> redis.Redis:
    return make_redis(settings.redis)


@pytest.fixture
def store(client: redis.Redis, settings: Settings) -> JobStore:
    return JobStore(client, settings.queue.model_copy(update={"limit": 3}))


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
    assert store.take("nope", "w") is None
    assert not store.finish("nope", JobStatus.SUCCEEDED)


def test_the_queue_has_a_limit_over_both_priorities(store: JobStore) -> None:
    store.create("a", REQUEST)
    store.create("b", BULK)
    store.create("c", BULK)
    with pytest.raises(QueueFull) as error:
        store.create("d", REQUEST)
    assert error.value.retry_after_s
    with pytest.raises(JobNotFound):
        store.get("d")
    store.take("a", "w")
    assert store.create("d", REQUEST).is_new


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


def test_bulk_jobs_let_interactive_ones_pass(store: JobStore) -> None:
    store.create("bulk", BULK)
    store.create("first", REQUEST)
    store.create("second", REQUEST)
    assert [store.position(store.get(job)) for job in ("first", "second", "bulk")] == [0, 1, 2]
    store.take("first", "w")
    assert store.position(store.get("first")) is None
    assert [store.position(store.get(job)) for job in ("second", "bulk")] == [0, 1]


def test_terminal_statuses_never_change(store: JobStore) -> None:
    store.create("a", REQUEST)
    store.take("a", "w")
    assert store.finish("a", JobStatus.SUCCEEDED, generation_ms=1200)
    assert not store.finish("a", JobStatus.FAILED, error=JobError(code="x", title="x", detail="x"))
    store.cancel("a")
    assert store.take("a", "w") is None
    record = store.get("a")
    assert record.status is JobStatus.SUCCEEDED
    assert record.error is None
    assert store.counts().succeeded == 1
    assert store.counts().average_generation_time_ms == 1200


def test_a_failed_job_keeps_its_error(store: JobStore) -> None:
    error = JobError(code="out_of_memory", title="t", detail="d", field=None)
    store.create("a", REQUEST)
    store.take("a", "w")
    store.finish("a", JobStatus.FAILED, error=error)
    assert store.get("a").error == error


def test_cancelling_a_waiting_job_ends_it(store: JobStore) -> None:
    store.create("a", REQUEST)
    store.cancel("a")
    store.cancel("a")
    assert store.get("a").status is JobStatus.CANCELLED
    assert store.depth()[Priority.INTERACTIVE] == 0
    assert store.take("a", "w") is None
    assert store.counts().cancelled == 1


def test_cancelling_a_running_job_reaches_its_worker(store: JobStore) -> None:
    store.create("a", REQUEST)
    store.take("a", "w")
    assert not store.report("a", "diffusion", Progress(step=1, total_steps=10))
    store.cancel("a")
    assert store.get("a").status is JobStatus.RUNNING
    assert store.report("a", "diffusion", Progress(step=2, total_steps=10))
    assert store.get("a").progress == Progress(step=2, total_steps=10)


def test_progress_after_the_end_is_dropped(store: JobStore, client: redis.Redis) -> None:
    """A late report must not bring an expired record back to life."""
    assert not store.report("gone", "diffusion", Progress(step=2, total_steps=10))
    assert not client.exists("writing:job:gone")


def test_records_of_ended_jobs_expire(store: JobStore, client: redis.Redis) -> None:
    store.create("a", REQUEST)
    assert client.ttl("writing:job:a") == -1
    store.take("a", "w")
    store.finish("a", JobStatus.SUCCEEDED)
    assert 0 < client.ttl("writing:job:a") <= 604800


def test_a_second_delivery_counts_as_an_attempt(store: JobStore) -> None:
    store.create("a", REQUEST)
    store.take("a", "first")
    record = store.take("a", "second")
    assert record is not None
    assert (record.attempts, record.worker) == (2, "second")


def test_discarding_frees_the_key_and_the_place(store: JobStore) -> None:
    store.create("a", REQUEST, idempotency_key="k", fingerprint="f")
    store.discard("a", "k")
    assert store.depth()[Priority.INTERACTIVE] == 0
    assert store.create("b", REQUEST, idempotency_key="k", fingerprint="f").is_new
