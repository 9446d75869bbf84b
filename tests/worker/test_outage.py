"""What a worker logs while Redis refuses its calls: little, however often it calls."""

import logging
import time
from collections.abc import Callable

import pytest
import redis

from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.schemas import GenerationRequest
from tests.helpers import eventually, taken
from worker.background.job_monitor import JobMonitor
from worker.background.outage import Outage
from worker.retry import LOG_EVERY, retry_for_five_minutes

EVERY_S = 0.01


def test_an_outage_is_logged_as_it_begins_and_as_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(logging.getLogger("test"), "nothing sent")
    outage.note(None)
    for error in [
        redis.ConnectionError("away"),
        redis.TimeoutError("late"),
        None,
        None,
        redis.ConnectionError("again"),
    ]:
        outage.note(error)
    begun, ended, begun_again = caplog.messages
    assert begun == "nothing sent: away"
    assert ended.startswith("nothing sent for ")
    assert begun_again == "nothing sent: again"


def test_jobs_that_cannot_be_reported_are_logged_once(
    client: redis.Redis, store: JobStore, worker: Callable[[str], Leases], caplog: pytest.LogCaptureFixture
) -> None:
    leases = worker("w")
    monitor = JobMonitor(leases, EVERY_S)
    for job_id in ("a", "b"):
        store.create(job_id, GenerationRequest(word="学"))
    with monitor.watch(taken(leases, "a")), monitor.watch(taken(leases, "b")):
        client.config_set("min-replicas-to-write", 1)
        try:
            monitor.start()
            eventually(lambda: caplog.messages)
            time.sleep(20 * EVERY_S)
        finally:
            client.config_set("min-replicas-to-write", 0)
        eventually(lambda: len(caplog.messages) > 1)
        monitor.stop()
    begun, ended = caplog.messages
    assert "NOREPLICAS" in begun
    assert "Redis works again" in ended


def test_a_call_that_is_retried_is_logged_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("worker.retry.PAUSE_S", 0)
    answers = iter([redis.ConnectionError()] * (LOG_EVERY + 1))

    def call() -> str:
        error = next(answers, None)
        if error is not None:
            raise error
        return "done"

    assert retry_for_five_minutes(call) == "done"
    assert len(caplog.messages) == 2
