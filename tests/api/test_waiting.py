"""Callers that wait for a job (`Prefer: wait`), in a real Redis: they are notified of its end instead of polling."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
import redis

from api.app import create_app
from api.services import Services
from shared.errors import JobNotFound
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.schemas import GenerationRequest, JobError, JobStatus
from shared.settings import Settings
from tests.api.clients import client_of
from tests.helpers import eventually, taken

REQUEST = GenerationRequest(word="学习")
ERROR = JobError(code="out_of_memory", title="t", detail="d")


@pytest.fixture
def parts(settings: Settings) -> Iterator[Services]:
    services: Services = create_app(settings).extensions["writing"]
    yield services
    services.close()


class Waiter:
    """A caller that waits in its own thread."""

    def __init__(self, wait: Callable[[], JobStatus]) -> None:
        self.answer: JobStatus | Exception | None = None
        self._wait = wait
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def result(self) -> JobStatus | Exception | None:
        self._thread.join(30)
        return self.answer

    def _run(self) -> None:
        try:
            self.answer = self._wait()
        except Exception as error:  # noqa: BLE001  # handed over to the test
            self.answer = error


def waiters(parts: Services, count: int, job_id: str = "a") -> list[Waiter]:
    found = [Waiter(lambda: parts.jobs.wait(job_id, 60)) for _ in range(count)]
    eventually(lambda: parts.hub.listeners == count)
    return found


@pytest.mark.parametrize("ending", ["publish", "fail", "cancel", "reap"])
def test_all_who_wait_hear_of_the_end_however_it_comes(
    ending: str, parts: Services, store: JobStore, leases: Leases
) -> None:
    store.create("a", REQUEST)
    waiting = waiters(parts, 3)
    if ending == "cancel":
        store.cancel("a")
    elif ending == "reap":
        for _ in range(3):
            leases.take("a")
            leases.reap("worker", leases.beats()["worker"])
    else:
        lease = taken(leases, "a")
        assert leases.publish(lease, "result", b"{}", 1) if ending == "publish" else leases.fail(lease, ERROR)
    status = store.status("a")
    assert status is not None
    assert status.is_terminal
    assert [waiter.result() for waiter in waiting] == [status] * 3
    assert parts.hub.listeners == 0


def test_waiting_costs_redis_next_to_nothing(parts: Services, store: JobStore, client: redis.Redis) -> None:
    """Twenty callers that polled twenty times a second would send 400 commands in this second."""

    def commands() -> int:
        return int(client.info("stats")["total_commands_processed"])

    store.create("a", REQUEST)
    waiting = waiters(parts, 20)
    before = commands()
    time.sleep(1)
    assert commands() - before < 50
    store.cancel("a")
    assert {waiter.result() for waiter in waiting} == {JobStatus.CANCELLED}


def test_a_wait_ends_in_time_and_says_how_the_job_stands(parts: Services, store: JobStore, leases: Leases) -> None:
    store.create("a", REQUEST)
    assert parts.jobs.wait("a", 0) is JobStatus.QUEUED
    assert parts.jobs.wait("a", 0.2) is JobStatus.QUEUED
    leases.take("a")
    assert parts.jobs.wait("a", 0.2) is JobStatus.RUNNING
    assert parts.hub.listeners == 0


def test_who_waits_for_what_has_ended_is_answered_at_once(parts: Services, store: JobStore) -> None:
    store.create("a", REQUEST)
    record = store.get("a")
    store.cancel("a")
    assert parts.jobs.wait("a", 60) is JobStatus.CANCELLED
    parts.hub.wait_for_end(record, 60)  # as if the job ended just before the caller could be notified


def test_a_job_that_goes_on_elsewhere_is_waited_for(parts: Services, store: JobStore, leases: Leases) -> None:
    """Its worker died; the events of the next attempt are received too."""
    store.create("a", REQUEST)
    (waiter,) = waiters(parts, 1)
    leases.take("a")
    assert leases.reap("worker", leases.beats()["worker"]) == ["a"]
    lease = taken(leases, "a")
    leases.publish(lease, "result", b"{}", 1)
    assert waiter.result() is JobStatus.SUCCEEDED


def test_an_event_that_cannot_be_read_is_left_out(
    parts: Services, store: JobStore, leases: Leases, client: redis.Redis
) -> None:
    """As one that another version has written."""
    store.create("a", REQUEST)
    (waiter,) = waiters(parts, 1)
    for fields in ({"unknown": ""}, {"event": "progress", "data": "{"}, {"event": "progress", "data": "[]"}):
        client.xadd(Key.EVENTS + "a", fields)
    lease = taken(leases, "a")
    leases.publish(lease, "result", b"{}", 1)
    assert waiter.result() is JobStatus.SUCCEEDED
    names = [event.name for event in parts.hub.listen(store.get("a"), None) if event is not None]
    assert names == ["progress", "end"]


def test_an_unexpected_error_disconnects_who_listens_and_no_later_listener(
    parts: Services, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("a", REQUEST)
    with monkeypatch.context() as broken:
        broken.setattr("shared.queue.events._event", failing)
        (first,) = waiters(parts, 1)
        store.cancel("a")
        assert first.result() is JobStatus.CANCELLED
    store.create("b", REQUEST)
    (second,) = waiters(parts, 1, "b")
    store.cancel("b")
    assert second.result() is JobStatus.CANCELLED


def failing(*_: object) -> NoReturn:
    raise RuntimeError("injected")


def test_as_the_process_ends_all_are_answered(parts: Services, store: JobStore) -> None:
    store.create("a", REQUEST)
    waiting = waiters(parts, 3)
    parts.close()
    assert {waiter.result() for waiter in waiting} == {JobStatus.QUEUED}
    assert parts.jobs.wait("a", 60) is JobStatus.QUEUED


def test_who_waits_for_too_many_jobs_is_answered_at_once(settings: Settings, store: JobStore) -> None:
    parts: Services = client_of(settings, connections=20).application.extensions["writing"]
    store.create("a", REQUEST)
    waiting = [Waiter(lambda: parts.jobs.wait("a", 60, "alice")) for _ in range(2)]
    eventually(lambda: parts.hub.listeners == 2)
    assert parts.jobs.wait("a", 60, "alice") is JobStatus.QUEUED
    assert parts.hub.listeners == 2
    other = Waiter(lambda: parts.jobs.wait("a", 60, "bob"))
    eventually(lambda: parts.hub.listeners == 3)
    store.cancel("a")
    assert parts.jobs.wait("a", 60, "alice") is JobStatus.CANCELLED
    assert {waiter.result() for waiter in [*waiting, other]} == {JobStatus.CANCELLED}


def test_a_record_that_is_gone_is_told(parts: Services, store: JobStore, client: redis.Redis) -> None:
    with pytest.raises(JobNotFound):
        parts.jobs.wait("none", 60)
    store.create("a", REQUEST)
    waiting = Waiter(lambda: parts.jobs.wait("a", 1))
    eventually(lambda: parts.hub.listeners == 1)
    client.delete("writing:job:a")
    assert isinstance(waiting.result(), JobNotFound)
