"""A stream's end is sent once, and no Last-Event-ID does harm. With the real application."""

import threading
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.schemas import GenerationRequest, JobStatus, Progress
from tests.helpers import eventually, taken

REQUEST = GenerationRequest(word="学习")
ABSURD = ("yesterday", "-1", "-1-0", "1-", "-", "1--1", "1.5-0", "1e9-0", "0x10-0", "١-0", "1-0-0", "9" * 40 + "-0",
          f"{2**64}-0", f"0-{2**64}", "1 -0", "*", "$", "+", "(0-0", "nan-0")  # fmt: skip
HUGE = (f"{2**64 - 1}-{2**64 - 1}", f"{2**63}-0", "9999999999999-0")


def listen(anyone: FlaskClient, job_id: str, last: str | None = None) -> tuple[int, list[dict[str, str]]]:
    """Return the status, and the events until the stream closes."""
    headers = {} if last is None else {"Last-Event-ID": last}
    with anyone.get(f"/api/writing/jobs/{job_id}/events", headers=headers) as answer:
        blocks = answer.text.split("\n\n")
    events = [dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")) for block in blocks]
    return answer.status_code, [event for event in events if "event" in event]


def end(store: JobStore, leases: Leases, how: JobStatus) -> None:
    store.create("a", REQUEST)
    if how is JobStatus.CANCELLED:
        store.cancel("a")
        return
    lease = taken(leases, "a")
    leases.report(lease, "diffusion", Progress(step=1, total_steps=2))
    leases.save_preview(lease, b"jpeg", 1)
    leases.publish(lease, "result", b"{}", 1)


@pytest.mark.parametrize("how", [JobStatus.SUCCEEDED, JobStatus.CANCELLED])
def test_who_has_heard_the_end_is_told_not_to_come_back(
    anyone: FlaskClient, client: redis.Redis, store: JobStore, leases: Leases, how: JobStatus
) -> None:
    end(store, leases, how)
    status, events = listen(anyone, "a")
    assert (status, events[-1]["event"]) == (200, "end")
    last = events[-1]["id"]
    assert listen(anyone, "a", last) == (204, [])
    for event in events[:-1]:
        assert listen(anyone, "a", event["id"])[1][-1] == events[-1]
    client.delete("writing:events:a")  # events are kept for minutes, the record for days
    assert listen(anyone, "a", last) == (204, [])
    assert listen(anyone, "a") == (200, [events[-1]]), "the repeated end has its id"
    assert listen(anyone, "a", "1-0") == (200, [events[-1]])


@pytest.mark.parametrize("last", ABSURD)
def test_what_is_no_id_is_refused_by_name(anyone: FlaskClient, store: JobStore, last: str) -> None:
    store.create("a", REQUEST)
    answer = anyone.get("/api/writing/jobs/a/events", headers={"Last-Event-ID": last.encode().decode("latin1")})
    assert (answer.status_code, answer.get_json()["field"]) == (422, "Last-Event-ID")


def test_empty_is_none(anyone: FlaskClient, store: JobStore, leases: Leases) -> None:
    end(store, leases, JobStatus.SUCCEEDED)
    assert listen(anyone, "a", "") == listen(anyone, "a")


@pytest.mark.parametrize("last", HUGE)
def test_an_id_that_was_never_given_hides_nothing_that_comes(
    anyone: FlaskClient, client: redis.Redis, store: JobStore, leases: Leases, last: str
) -> None:
    store.create("a", REQUEST)
    lease = taken(leases, "a")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(listen(anyone, "a", last)))
    thread.start()
    hub = anyone.application.extensions["writing"].hub
    eventually(lambda: hub.listeners == 1)
    leases.publish(lease, "result", b"{}", 1)
    thread.join(20)
    status, events = found
    assert (status, events[-1]["event"]) == (200, "end")
    assert listen(anyone, "a", last) == (204, [])


def test_nothing_comes_after_the_end(anyone: FlaskClient, client: redis.Redis, store: JobStore, leases: Leases) -> None:
    """Not even if something was written after it."""
    end(store, leases, JobStatus.SUCCEEDED)
    client.xadd("writing:events:a", {"event": "preview", "data": '{"step": 2}'})
    client.set("writing:preview:a", b"jpeg".hex())
    status, events = listen(anyone, "a")
    assert (status, events[-1]["event"]) == (200, "end")
    assert [event["event"] for event in events].count("end") == 1
