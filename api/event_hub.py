"""Delivery of job events to any number of listeners, with one thread and one connection to Redis."""

import base64
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue

import redis

from shared.errors import TooManyListeners
from shared.queue.events import BEGINNING, JobEvent, JobEvents, is_after
from shared.queue.job_record import JobRecord
from shared.queue.store import JobStore
from shared.schemas import JobStatus

logger = logging.getLogger(__name__)

READ_MS = 250  # how long a read blocks before jobs with new listeners are included
POSITION_EVERY_S = 1.0
LOSS_EVERY_S = 15.0  # how often to look for records that are gone
BEAT_S = 15.0  # proxies close connections that are silent for a minute
# A listener that falls further behind than this is disconnected, and may resume where it was.
MAX_BACKLOG = 512

# A listener's queue of events; None: this stream ends here, ask again.
Inbox = Queue[JobEvent | None]


@dataclass(eq=False)
class WatchedJob:
    """A job with listeners.

    Attributes:
        record: the job's record when the first listener joined.
        cursor: the id of the last event that was read for all listeners.
        is_waiting: whether the job is queued, so that listeners are sent its position.
        position: the position that was last sent to them.
    """

    record: JobRecord
    cursor: str
    is_waiting: bool
    position: int | None = None
    listeners: list[Inbox] = field(default_factory=list)


class EventHub:
    """The job events of Redis, distributed to listeners. They are read while there is at least one listener."""

    def __init__(self, store: JobStore, events: JobEvents, listeners_per_client: int) -> None:
        self._store = store
        self._events = events
        self._listeners_per_client = listeners_per_client
        self._listeners_of: Counter[str] = Counter()
        self._watched: dict[str, WatchedJob] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._next_positions = self._next_losses = 0.0

    def listen(self, record: JobRecord, last_event_id: str | None, client: str = "") -> Iterator[JobEvent | None]:
        """Return a job's events after the given one, or all that are kept; None is a heartbeat.

        The iterator ends with the job. It also ends when Redis does not answer or has lost the job, or the process
        ends; the listener then reconnects with the id of the last event that it saw.

        Raises:
            TooManyListeners: the client may not have another listener now.
            redis.RedisError: Redis does not answer at the start.
        """
        events = self._listen(record, last_event_id, client)
        next(events)  # joins, so that a refusal is raised here
        return events

    def wait_for_end(self, record: JobRecord, timeout_s: float, client: str = "") -> None:
        """Block until a job has ended, for at most `timeout_s` seconds.

        It also returns when Redis stops answering or has lost the job, or the process ends; the caller then checks the
        job again.

        Raises:
            TooManyListeners: the client may not have another listener now.
            redis.RedisError: Redis does not answer at the start.
        """
        deadline = time.monotonic() + timeout_s
        with self._place(client), self._joined(record) as (inbox, _):
            status = self._store.status(record.job_id)  # it may have ended before the listener joined
            if status is not None and not status.is_terminal:
                self._hear_end(inbox, deadline)

    def close(self) -> None:
        """Disconnect all listeners, as the process ends."""
        self._is_closed = True
        for watched in list(self._watched.values()):
            _post(watched, None)

    @property
    def listeners(self) -> int:
        """The number of listeners."""
        return sum(len(watched.listeners) for watched in list(self._watched.values()))

    def _listen(self, record: JobRecord, last_event_id: str | None, client: str) -> Iterator[JobEvent | None]:
        """Join and yield None, then yield the job's events."""
        with self._place(client), self._joined(record) as (inbox, newest):
            yield None
            # An id that has not been assigned yet means the newest, so that all further events are delivered.
            seen = last_event_id or BEGINNING
            yield from self._events_of(record, inbox, newest if is_after(seen, newest) else seen)

    @contextmanager
    def _place(self, client: str) -> Iterator[None]:
        """Take one of a client's places."""
        with self._lock:
            if self._listeners_of[client] >= self._listeners_per_client:
                most = self._listeners_per_client
                raise TooManyListeners(f"each client may listen to {most} jobs at a time", retry_after_s=int(BEAT_S))
            self._listeners_of[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._listeners_of[client] -= 1
                if not self._listeners_of[client]:
                    del self._listeners_of[client]

    @contextmanager
    def _joined(self, record: JobRecord) -> Iterator[tuple[Inbox, str]]:
        """Add a listener to a job; yield its inbox and the id of the job's newest event."""
        inbox: Inbox = Queue(MAX_BACKLOG)
        newest = self._join(record, inbox)
        try:
            yield inbox, newest
        finally:
            self._leave(record.job_id, inbox)

    def _events_of(self, record: JobRecord, inbox: Inbox, seen: str) -> Iterator[JobEvent | None]:
        past = self._events.after(record.job_id, seen)
        for event in past:
            if event.name and (whole := self._with_picture(record.job_id, event)) is not None:
                yield whole
            if event.is_last:
                return
        if record.status.is_terminal:  # its events have expired, or the listener has seen them
            yield ended(record)
            return
        seen = past[-1].event_id or seen if past else seen
        while not self._is_closed:
            try:
                event_or_end = inbox.get(timeout=BEAT_S)
            except Empty:
                yield None
                continue
            if event_or_end is None:
                return
            if event_or_end.event_id is None or is_after(event_or_end.event_id, seen):
                yield event_or_end
            if event_or_end.is_last:
                return

    def _hear_end(self, inbox: Inbox, deadline: float) -> None:
        """Read events until the last one, the end of the stream, or the deadline on the monotonic clock."""
        while not self._is_closed and (left_s := deadline - time.monotonic()) > 0:
            with suppress(Empty):
                event = inbox.get(timeout=left_s)
                if event is None or event.is_last:
                    return

    def _with_picture(self, job_id: str, event: JobEvent) -> JobEvent | None:
        """Return a preview event with its picture's newest preview; None if the preview is no longer kept."""
        if event.name != "preview":
            return event
        jpeg = self._store.preview(job_id, event.data.get("variation", 0))
        if jpeg is None:
            return None
        image = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
        return JobEvent(event.name, {**event.data, "image": image}, event.event_id)

    def _join(self, record: JobRecord, inbox: Inbox) -> str:
        cursor = self._events.last_id(record.job_id)
        with self._lock:
            watched = self._watched.setdefault(
                record.job_id, WatchedJob(record, cursor, is_waiting=record.status is JobStatus.QUEUED)
            )
            watched.listeners.append(inbox)
            watched.position = None  # so that the new listener is sent it too
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        return cursor

    def _leave(self, job_id: str, inbox: Inbox) -> None:
        with self._lock:
            watched = self._watched.get(job_id)
            if watched is None:
                return
            if inbox in watched.listeners:  # a slow one has been removed
                watched.listeners.remove(inbox)
            if not watched.listeners:
                del self._watched[job_id]

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._watched or self._is_closed:
                    self._thread = None
                    return
                watched = dict(self._watched)
            try:
                self._read(watched)
                self._send_positions(watched)
                self._dismiss_lost(watched)
            except redis.RedisError as error:
                logger.warning("events: Redis does not answer: %s", error)
                self._disconnect()
            except Exception:  # the thread's boundary: without it, nobody would hear of any job again
                logger.exception("events: all listeners have to connect again")
                self._disconnect()

    def _disconnect(self) -> None:
        """Send all listeners away, including those that have joined since the last read."""
        with self._lock:
            lost, self._watched = self._watched, {}
        for one in lost.values():
            _post(one, None)

    def _read(self, watched: dict[str, WatchedJob]) -> None:
        cursors = {job_id: one.cursor for job_id, one in watched.items()}
        for job_id, events in self._events.wait(cursors, READ_MS).items():
            one = watched[job_id]
            one.cursor = events[-1].event_id or one.cursor
            for event in events:
                if event.name == "progress":
                    one.is_waiting = event.data.get("status") == JobStatus.QUEUED
                elif event.is_last:
                    one.is_waiting = False
                if event.name and (whole := self._with_picture(job_id, event)) is not None:
                    _post(one, whole)

    def _send_positions(self, watched: dict[str, WatchedJob]) -> None:
        if time.monotonic() < self._next_positions:
            return
        self._next_positions = time.monotonic() + POSITION_EVERY_S
        for one in watched.values():
            position = self._store.position(one.record) if one.is_waiting else None
            if position is not None and position != one.position:
                one.position = position
                _post(one, JobEvent("queue", {"queue_position": position}))

    def _dismiss_lost(self, watched: dict[str, WatchedJob]) -> None:
        """Disconnect those who listen to a job whose record Redis has lost: there is no end to wait for."""
        if time.monotonic() < self._next_losses:
            return
        self._next_losses = time.monotonic() + LOSS_EVERY_S
        for job_id, one in watched.items():
            if self._store.status(job_id) is None:
                _post(one, None)


def ended(record: JobRecord) -> JobEvent:
    """Return the end event of a job, from its record."""
    error = record.error.model_dump() if record.error else None
    return JobEvent("end", {"status": record.status.value, "error": error}, record.end_event)


def has_heard_end(record: JobRecord, last_event_id: str) -> bool:
    """Return whether a job has ended and a listener that last saw this event has seen the end."""
    return record.end_event is not None and not is_after(record.end_event, last_event_id)


def _post(watched: WatchedJob, event: JobEvent | None) -> None:
    for inbox in list(watched.listeners):
        try:
            inbox.put_nowait(event)
        except Full:
            with suppress(ValueError):  # it has left
                watched.listeners.remove(inbox)
            inbox.get_nowait()
            inbox.put_nowait(None)
