"""A job's events, as a Redis stream ``writing:events:<id>`` that listeners can read from any point.

The scripts that change a job's record also write its events, so records and events always agree. The stream does not
contain pictures: a preview event names its step and variation, and that variation's newest preview has a separate key.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis

from shared.queue.keys import Key

BEGINNING = "0-0"
EVENT_ID = re.compile(r"(?:0|[1-9][0-9]{0,19})-(?:0|[1-9][0-9]{0,19})")


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A `progress`, `preview` or `end` event with its data; without a name if it cannot be read.

    `event_id` orders a job's events; None if the event is sent once and not stored.
    """

    name: str
    data: Mapping[str, Any]
    event_id: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether this is the job's last event."""
        return self.name == "end"


class JobEvents:
    """Reads jobs' events. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def last_id(self, job_id: str) -> str:
        """Return the id of the newest event, `BEGINNING` if there is none."""
        newest = cast("list[tuple[str, Any]]", self._redis.xrevrange(_key(job_id), count=1))
        return newest[0][0] if newest else BEGINNING

    def after(self, job_id: str, event_id: str) -> list[JobEvent]:
        """Return the events that follow a given one, oldest first."""
        entries = cast("list[tuple[str, dict[str, str]]]", self._redis.xrange(_key(job_id), min=f"({event_id}"))
        return [_event(*entry) for entry in entries]

    def wait(self, cursors: Mapping[str, str], timeout_ms: int) -> dict[str, Sequence[JobEvent]]:
        """Wait for events of any of the jobs.

        Args:
            cursors: the id of the last known event, by job.
            timeout_ms: how long to wait; less than the client's socket timeout.

        Returns:
            The new events by job; {} if none arrived in time.
        """
        streams = {_key(job_id): event_id for job_id, event_id in cursors.items()}
        found = cast("list[tuple[str, list[Any]]]", self._redis.xread(cast(Any, streams), block=timeout_ms) or [])
        start = len(_key(""))
        return {key[start:]: [_event(*entry) for entry in entries] for key, entries in found}


def is_event_id(text: str) -> bool:
    """Return whether a text can be an event's id: milliseconds, and a sequence number within the millisecond."""
    return EVENT_ID.fullmatch(text) is not None and max(_order(text)) < 2**64


def is_after(event_id: str, other: str) -> bool:
    """Return whether one event came after another of the same job."""
    return _order(event_id) > _order(other)


def _order(event_id: str) -> tuple[int, int]:
    first, _, second = event_id.partition("-")
    return int(first), int(second)


def _event(event_id: str, fields: Mapping[str, str]) -> JobEvent:
    """Return an entry as an event. Another version may have written one that this version cannot read."""
    try:
        name, data = fields["event"], json.loads(fields["data"])
    except (KeyError, ValueError):
        return JobEvent("", {}, event_id)
    return JobEvent(name, data, event_id) if isinstance(data, dict) else JobEvent("", {}, event_id)


def _key(job_id: str) -> str:
    return Key.EVENTS + job_id
