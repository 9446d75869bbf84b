"""Jobs whose worker is gone, or that nobody works on, wait again. In a real Redis."""

import json
import time
from collections.abc import Callable

import pytest
import redis
from kombu.exceptions import OperationalError

from shared.queue.client_queues import queue_of
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.schemas import GenerationRequest, JobStatus, Priority
from shared.settings import Settings
from tests.helpers import taken
from worker.background.failure_detector import FailureDetector
from worker.background.reaper import Reaper

REQUEST = GenerationRequest(word="学习")
BULK = GenerationRequest(word="书", priority=Priority.BULK)


class Sent:
    """Puts messages into the queue as kombu does, and records them; may fail a number of times."""

    def __init__(self, client: redis.Redis, failures: int = 0) -> None:
        self._redis = client
        self._failures = failures
        self.messages: list[tuple[str, str]] = []

    def __call__(self, job_id: str, queue: str, *, goes_first: bool = False) -> None:
        if self._failures:
            self._failures -= 1
            raise OperationalError
        self.messages.append((job_id, queue))
        push = self._redis.rpush if goes_first else self._redis.lpush
        push(queue, json.dumps({"headers": {"id": job_id}}))

    def order(self, queue: str) -> list[str]:
        """Return the jobs of a queue in the order in which workers get them."""
        return [json.loads(message)["headers"]["id"] for message in reversed(self._redis.lrange(queue, 0, -1))]


def test_the_reaper_sends_a_new_message_for_what_it_puts_back(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    sent = Sent(client)
    store.create("a", BULK, client="alice")
    worker("dead").take("a")
    reaper = Reaper(client, worker("alive"), sent, working_on=frozenset, lease_s=0, every_s=1, reconcile_s=1000)
    reaper.check()
    assert sent.messages == [("a", queue_of(Priority.BULK, "alice"))]
    reaper.check()
    assert len(sent.messages) == 1


def test_the_jobs_of_a_dead_worker_are_read_in_their_old_order(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    sent = Sent(client)
    jobs = [f"{number}" for number in range(12)]
    for job in jobs:
        store.create(job, BULK)
    for job in jobs[:9]:
        worker("dead").take(job)
    for job in jobs[10:]:  # the one between had been received, and not taken
        sent(job, "bulk")
    Reaper(client, worker("alive"), sent, working_on=frozenset, lease_s=0, every_s=1, reconcile_s=1000).check()
    assert sent.order("bulk") == jobs
    assert [store.position(store.get(job)) for job in jobs] == list(range(12))


def test_what_could_not_be_sent_is_sent_at_the_next_look(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    """The dead worker's message was delivered, so the job does not count as one without a message."""
    sent = Sent(client, failures=1)
    for job in "ab":
        store.create(job, BULK)
        worker("dead").take(job)
        client.hset("unacked", job, json.dumps([{"headers": {"id": job}}, "", "bulk"]))
    reaper = Reaper(client, worker("alive"), sent, working_on=frozenset, lease_s=0, every_s=1, reconcile_s=1000)
    reaper.check()
    assert sent.messages == []
    reaper.check()
    assert sent.order("bulk") == ["a", "b"]
    reaper.check()
    assert len(sent.messages) == 2


class LostAnswer(Leases):
    """Leases whose first reaping reaches Redis, but its answer does not come back."""

    is_lost = False

    def reap(self, worker: str, beat: str) -> list[str]:
        found = super().reap(worker, beat)
        if not self.is_lost:
            self.is_lost = True
            raise redis.TimeoutError
        return found


def test_what_waits_again_by_an_answer_that_was_lost_gets_its_message(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis, settings: Settings
) -> None:
    """Nobody finds the dead worker a second time, and its message was delivered."""
    sent = Sent(client)
    store.create("a", REQUEST)
    worker("dead").take("a")
    client.hset("unacked", "a", json.dumps([{"headers": {"id": "a"}}, "", "interactive"]))
    alive = LostAnswer(client, store, settings.queue, "alive")
    reaper = Reaper(client, alive, sent, working_on=frozenset, lease_s=0, every_s=1, reconcile_s=1000)
    with pytest.raises(redis.TimeoutError):
        reaper.check()
    reaper.check()
    assert sent.messages == [("a", "interactive")]


class Unreachable(Leases):
    """Leases that do not reach Redis for a while."""

    is_away = False

    def beats(self) -> dict[str, str]:
        if self.is_away:
            raise redis.ConnectionError
        return super().beats()


def test_silence_while_redis_was_away_is_nobodys(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis, settings: Settings
) -> None:
    """No heartbeat could arrive."""
    store.create("a", REQUEST)
    worker("busy").take("a")
    leases = Unreachable(client, store, settings.queue, "alive")
    reaper = Reaper(client, leases, Sent(client), working_on=frozenset, lease_s=0.2, every_s=1, reconcile_s=1000)
    reaper.check()
    time.sleep(0.3)
    for leases.is_away in (True, False):
        reaper._check_or_forget()
    assert store.get("a").status is JobStatus.RUNNING


def test_who_has_fallen_silent_itself_judges_nobody(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    """Redis refused writes and answered reads, so no counter moved."""
    sent = Sent(client)
    for job, name in (("a", "us"), ("b", "them")):
        store.create(job, REQUEST)
        worker(name).beat()
        worker(name).take(job)
    us = worker("us")
    reaper = Reaper(client, us, sent, working_on=lambda: {"a"}, lease_s=0.2, every_s=1, reconcile_s=1000)
    reaper.check()
    time.sleep(0.3)
    reaper.check()
    assert sent.messages == []
    assert [store.get(job).status for job in "ab"] == [JobStatus.RUNNING, JobStatus.RUNNING]
    time.sleep(0.3)
    us.beat()
    reaper.check()
    assert sent.messages == [], "they are watched afresh"
    time.sleep(0.3)
    us.beat()
    reaper.check()
    assert sent.messages == [("b", "interactive")]


def test_what_a_dead_worker_had_received_and_not_taken_is_sent_again(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    """A worker that only held messages: it sent heartbeats, then fell silent."""
    sent = Sent(client)
    store.create("received", REQUEST)
    store.create("queued", REQUEST)
    sent("queued", "interactive")
    client.hset("unacked", "tag", json.dumps([{"headers": {"id": "received"}}, "", "interactive"]))
    worker("dead").beat()
    Reaper(client, worker("alive"), sent, working_on=frozenset, lease_s=0, every_s=1, reconcile_s=1000).check()
    assert sent.messages[1:] == [("received", "interactive")]


def test_a_waiting_job_without_a_message_gets_one_at_the_second_look(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    """At the first check, its message may still be on its way."""
    sent = Sent(client)
    for job in ("lost", "queued", "delivered"):
        store.create(job, REQUEST, client="alice")
    queue = queue_of(Priority.INTERACTIVE, "alice")
    client.lpush(queue, json.dumps({"headers": {"id": "queued"}}))
    client.hset("unacked", "tag", json.dumps([{"headers": {"id": "delivered"}}, "", "interactive"]))
    reaper = Reaper(client, worker("w"), sent, working_on=frozenset, lease_s=1000, every_s=1, reconcile_s=1e-9)
    reaper.check()
    assert sent.messages == []
    client.delete("writing:reconciling")
    reaper.check()
    assert sent.messages == [("lost", queue)]


def test_one_worker_compares_records_with_messages_for_all(
    store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
) -> None:
    """Otherwise the second worker's look would be the second look."""
    sent = Sent(client)
    store.create("on its way", REQUEST)
    for name in ("first", "second"):
        leases = worker(name)
        Reaper(client, leases, sent, working_on=frozenset, lease_s=1000, every_s=1, reconcile_s=1000).check()
    assert sent.messages == []


class TestGiveBack:
    """A job that is recorded as a worker's, but does not run there, waits again."""

    def test_what_is_at_work_stays(self, store: JobStore, worker: Callable[[str], Leases]) -> None:
        leases = worker("w")
        for job in ("working", "stray"):
            store.create(job, REQUEST)
            leases.take(job)
        assert leases.give_back(lambda: {"working"}) == ["stray"]
        assert leases.give_back(lambda: {"working"}) == []
        assert [store.get(job).status for job in ("working", "stray")] == [JobStatus.RUNNING, JobStatus.QUEUED]
        assert leases.take("stray") is not None

    def test_what_has_ended_or_is_another_s_stays_so(
        self, store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
    ) -> None:
        leases, other = worker("w"), worker("other")
        for job in ("ended", "other", "gone"):
            store.create(job, REQUEST)
        leases.publish(taken(leases, "ended"), "result", b"{}", 1)
        taken(other, "other")
        client.sadd("writing:running:w", "ended", "other", "gone", "never")
        client.delete("writing:job:gone")
        assert leases.give_back(frozenset) == []
        assert store.get("ended").status is JobStatus.SUCCEEDED
        assert store.get("other").worker == "other"
        assert not client.smembers("writing:running:w")

    def test_a_cancelled_stray_ends(self, store: JobStore, worker: Callable[[str], Leases]) -> None:
        leases = worker("w")
        store.create("a", REQUEST)
        leases.take("a")
        store.cancel("a")
        assert leases.give_back(frozenset) == []
        assert store.get("a").status is JobStatus.CANCELLED

    def test_a_power_cut_that_forgot_the_end_is_mended(
        self, store: JobStore, worker: Callable[[str], Leases], client: redis.Redis
    ) -> None:
        """The record and the worker's list have reverted to their state of a second ago."""
        leases = worker("w")
        store.create("a", REQUEST)
        lease = taken(leases, "a")
        before = client.hgetall("writing:job:a")
        leases.publish(lease, "result", b"{}", 1)
        client.delete("writing:job:a")
        client.hset("writing:job:a", mapping=before)
        client.sadd("writing:running:w", "a")
        sent = Sent(client)
        Reaper(client, leases, sent, working_on=frozenset, lease_s=1000, every_s=1, reconcile_s=1000).check()
        assert sent.messages == [("a", Priority.INTERACTIVE)]
        assert leases.publish(taken(leases, "a"), "result", b"{}", 1)
        assert store.get("a").status is JobStatus.SUCCEEDED


def test_silence_is_measured_by_the_observers_own_clock() -> None:
    now = 1000.0
    observer = FailureDetector(lease_s=5, clock=lambda: now)
    assert observer.stale({"a": "1", "b": "1"}) == {}
    now += 4
    assert observer.stale({"a": "2", "b": "1"}) == {}
    now += 1
    assert observer.stale({"a": "2", "b": "1"}) == {"b": "1"}
    observer.forget()
    assert observer.stale({"a": "2", "b": "1"}) == {}
