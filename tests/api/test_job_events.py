"""The events of a job, in a real Redis."""

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from api.event_hub import MAX_BACKLOG, EventHub
from shared.errors import TooManyListeners
from shared.queue.events import BEGINNING, JobEvent, JobEvents, is_after, is_event_id
from shared.queue.leases import Lease, Leases
from shared.queue.store import JobStore
from shared.schemas import GenerationRequest, JobError, JobStatus, Progress
from tests.helpers import eventually, taken

REQUEST = GenerationRequest(word="学习")
ERROR = JobError(code="out_of_memory", title="t", detail="d", field="width")


@pytest.fixture
def events(client: redis.Redis) -> JobEvents:
    return JobEvents(client)


@pytest.fixture
def hub(store: JobStore, events: JobEvents) -> Iterator[EventHub]:
    hub = EventHub(store, events, listeners_per_client=100)
    yield hub
    hub.close()
    eventually(lambda: "events" not in {thread.name for thread in threading.enumerate()})


def take(store: JobStore, leases: Leases, job_id: str = "a") -> Lease:
    store.create(job_id, REQUEST)
    return taken(leases, job_id)


def told(found: list[JobEvent]) -> list[tuple[str, object]]:
    return [(event.name, event.data.get("step", event.data.get("status"))) for event in found]


def test_a_job_s_life_is_written_down(store: JobStore, leases: Leases, events: JobEvents) -> None:
    lease = take(store, leases)
    for stage, step in (("diffusion", 1), ("diffusion", 1), ("diffusion", 2), ("decoding", 2)):
        leases.report(lease, stage, Progress(step=step, total_steps=10))
    leases.save_preview(lease, b"jpeg", 2)
    leases.publish(lease, "result", b"{}", 1200)
    found = events.after("a", BEGINNING)
    steps = [("progress", step) for step in (0, 1, 2, 2)]
    assert told(found) == [*steps, ("preview", 2), ("end", "succeeded")]
    assert [event.data["stage"] for event in found[:4]] == ["starting", "diffusion", "diffusion", "decoding"]
    assert found[1].data == {"status": "running", "stage": "diffusion", "step": 1, "total_steps": 10}
    assert found[-1].data == {"status": "succeeded", "error": None}
    assert told(events.after("a", found[2].event_id or "")) == told(found[3:])


def test_a_job_that_waits_again_says_so(store: JobStore, leases: Leases, events: JobEvents) -> None:
    lease = take(store, leases)
    leases.report(lease, "diffusion", Progress(step=7, total_steps=10))
    leases.release(lease)
    last = events.after("a", BEGINNING)[-1]
    assert (last.name, last.data) == ("progress", {"status": "queued", "stage": None, "step": 0, "total_steps": 0})


def test_the_stream_of_a_long_job_stays_short(store: JobStore, leases: Leases, client: redis.Redis) -> None:
    lease = take(store, leases)
    for step in range(600):
        leases.report(lease, "diffusion", Progress(step=step, total_steps=600))
    assert client.xlen("writing:events:a") < 400


def test_how_it_ended_is_told_whoever_ends_it(store: JobStore, leases: Leases, events: JobEvents) -> None:
    leases.fail(take(store, leases, "failed"), ERROR)
    store.create("cancelled", REQUEST)
    store.cancel("cancelled")
    take(store, leases, "reaped")
    for _ in range(3):
        leases.reap("worker", leases.beats()["worker"])
        leases.take("reaped")
    ends = {job: events.after(job, BEGINNING)[-1].data for job in ("failed", "cancelled", "reaped")}
    assert ends["failed"] == {"status": "failed", "error": ERROR.model_dump()}
    assert ends["cancelled"] == {"status": "cancelled", "error": None}
    assert (ends["reaped"]["status"], ends["reaped"]["error"]["code"]) == ("failed", "poisoned")
    assert store.failure_codes() == {"out_of_memory": 1, "poisoned": 1}
    assert [failure.job_id for failure in store.recent_failures()] == ["reaped", "failed"]


def test_every_listener_hears_what_comes_and_what_was(
    store: JobStore, leases: Leases, events: JobEvents, hub: EventHub
) -> None:
    """Listeners that join late, reconnect, or join after the end."""
    lease = take(store, leases)
    heard: dict[str, list[JobEvent]] = {}

    def listen(name: str, after: str | None) -> threading.Thread:
        heard[name] = []

        def run() -> None:
            heard[name].extend(event for event in hub.listen(lease.record, after) if event)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [listen("early", None)]
    leases.report(lease, "diffusion", Progress(step=1, total_steps=2))
    leases.save_preview(lease, b"jpeg", 1)
    seen = eventually(lambda: events.after("a", BEGINNING)[1:2])[0].event_id
    threads += [listen("late", None), listen("back", seen)]
    eventually(lambda: hub.listeners == 3)
    leases.report(lease, "diffusion", Progress(step=2, total_steps=2))
    leases.publish(lease, "result", b"{}", 1200)
    for thread in threads:
        thread.join(10)
    whole = [("progress", 0), ("progress", 1), ("preview", 1), ("progress", 2), ("end", "succeeded")]
    assert told(heard["early"]) == told(heard["late"]) == whole
    assert told(heard["back"]) == whole[2:]
    assert heard["late"][2].data["image"].startswith("data:image/jpeg;base64,")
    after_the_end = [event for event in hub.listen(store.get("a"), None) if event]
    assert told(after_the_end) == whole
    assert hub.listeners == 0


def test_each_variation_has_its_own_preview(store: JobStore, leases: Leases, hub: EventHub) -> None:
    lease = take(store, leases)
    for variation in range(3):
        leases.save_preview(lease, b"early", 1, variation)
        leases.save_preview(lease, b"%d" % variation, 2, variation)
    leases.publish(lease, "result", b"{}", 1200)
    previews = [event.data for event in hub.listen(store.get("a"), None) if event and event.name == "preview"]
    assert [(data["variation"], data["step"]) for data in previews] == [(k, step) for k in range(3) for step in (1, 2)]
    for data in previews:
        assert base64.b64decode(data["image"].partition(",")[2]) == b"%d" % data["variation"], (
            "the newest preview of each"
        )


def test_a_preview_that_is_no_longer_kept_is_not_told(
    store: JobStore, leases: Leases, hub: EventHub, client: redis.Redis
) -> None:
    """Previews are kept for one minute and events for ten, so a late listener may find an event without its picture."""
    lease = take(store, leases)
    leases.save_preview(lease, b"jpeg", 1)
    leases.publish(lease, "result", b"{}", 1200)
    client.delete("writing:preview:a")
    found = [event for event in hub.listen(store.get("a"), None) if event]
    assert told(found) == [("progress", 0), ("end", "succeeded")]


def test_who_has_heard_the_end_and_asks_again_is_told_it_again(store: JobStore, leases: Leases, hub: EventHub) -> None:
    """The record says how the job ended, as it does when the events have expired."""
    leases.fail(take(store, leases), ERROR)
    last = [event for event in hub.listen(store.get("a"), None) if event][-1]
    (again,) = hub.listen(store.get("a"), last.event_id)
    assert again is not None
    assert again.data == {"status": "failed", "error": ERROR.model_dump()}


def test_who_waits_hears_its_place(store: JobStore, leases: Leases, hub: EventHub) -> None:
    for job_id in ("first", "second"):
        store.create(job_id, REQUEST)
    told_now = hub.listen(store.get("second"), None)
    assert next(told_now) == JobEvent("queue", {"queue_position": 1})
    assert leases.take("first") is not None
    assert next(told_now) == JobEvent("queue", {"queue_position": 0})
    store.cancel("second")
    last = next(told_now)
    assert last is not None
    assert last.data["status"] == JobStatus.CANCELLED


class FailingEvents(JobEvents):
    """Events whose first read fails, after another listener has joined."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(client)
        self.reads, self.may_fail = threading.Event(), threading.Event()

    def wait(self, cursors: dict[str, str], timeout_ms: int) -> dict[str, list[JobEvent]]:
        if self.may_fail.is_set():
            return super().wait(cursors, timeout_ms)
        self.reads.set()
        self.may_fail.wait()
        raise redis.ConnectionError("Redis went away")


def test_who_joins_as_redis_fails_is_told_to_ask_again(store: JobStore, client: redis.Redis) -> None:
    events = FailingEvents(client)
    hub = EventHub(store, events, listeners_per_client=100)
    for job_id in "ab":
        store.create(job_id, REQUEST)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(list, hub.listen(store.get("a"), None))
        events.reads.wait()
        second = pool.submit(list, hub.listen(store.get("b"), None))
        eventually(lambda: hub.listeners == 2)
        events.may_fail.set()
        for found in (first, second):
            assert not any(event is not None and event.is_last for event in found.result(10)), "the stream ends early"
    assert hub.listeners == 0


def test_who_listens_to_a_job_that_redis_has_lost_is_told_to_ask_again(
    store: JobStore, hub: EventHub, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator emptied Redis, whose connections stay open."""
    monkeypatch.setattr("api.event_hub.LOSS_EVERY_S", 0.0)
    store.create("a", REQUEST)
    told_now = hub.listen(store.get("a"), None)
    assert next(told_now) == JobEvent("queue", {"queue_position": 0})
    client.flushdb()
    assert list(told_now) == []


def test_a_listener_that_is_too_slow_is_not_read_for_any_longer(store: JobStore, leases: Leases, hub: EventHub) -> None:
    lease = take(store, leases)
    told_now = hub.listen(store.get("a"), None)
    assert next(told_now) is not None
    for step in range(MAX_BACKLOG + 10):
        leases.report(lease, "diffusion", Progress(step=step, total_steps=1000))
    eventually(lambda: hub.listeners == 0)
    assert [event for event in told_now if event is not None and event.is_last] == []
    eventually(lambda: "events" not in {thread.name for thread in threading.enumerate()})


def test_each_client_has_its_own_places(store: JobStore, events: JobEvents) -> None:
    hub = EventHub(store, events, listeners_per_client=2)
    store.create("a", REQUEST)
    record = store.get("a")
    first, _second = (hub.listen(record, None, "alice") for _ in range(2))
    with pytest.raises(TooManyListeners) as refusal:
        hub.listen(record, None, "alice")
    assert refusal.value.retry_after_s
    of_bob = hub.listen(record, None, "bob")
    first.close()
    assert next(hub.listen(record, None, "alice")) is not None, "a place that is left is free"
    hub.close()
    assert list(of_bob) == []


def test_when_the_process_ends_its_listeners_go(store: JobStore, hub: EventHub) -> None:
    store.create("a", REQUEST)
    told_now = hub.listen(store.get("a"), None)
    assert next(told_now) is not None
    hub.close()
    assert list(told_now) == []


@given(st.integers(0, 2**60), st.integers(0, 2**60), st.integers(0, 2**60), st.integers(0, 2**60))
def test_ids_are_ordered_as_redis_orders_them(first: int, place: int, other: int, other_place: int) -> None:
    assert is_event_id(f"{first}-{place}")
    assert is_after(f"{first}-{place}", f"{other}-{other_place}") == ((first, place) > (other, other_place))


@pytest.mark.parametrize("text", ["", "-", "1-", "-1", "1", "a-b", "1-2-3", "1--2", "²-1", "1" * 30 + "-" + "1" * 30])
def test_other_texts_are_no_ids(text: str) -> None:
    assert not is_event_id(text)
