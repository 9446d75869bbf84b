"""The jobs that a caller has sent, newest first: a sorted set ``writing:jobs:<client>`` of ids by sequence number.

Records expire on their own. The index drops expired ones as new jobs arrive and as it is read.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import cast

import redis

from shared.errors import InvalidCursor
from shared.queue.keys import index_key, job_key
from shared.queue.store import JobRecord, parse_record
from shared.schemas import JobStatus

# The most records that one call reads: a filter that matches few of them returns a short page with a cursor.
MOST_READ = 2000
READ_AT_ONCE = 200
CURSOR = re.compile(r"([1-9][0-9]{0,15})-([0-9a-f]{16})")
BEGINNING = "+inf"


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page of a caller's jobs, newest first; `cursor` leads to the next page, or is None on the last one."""

    jobs: tuple[JobRecord, ...]
    cursor: str | None


class JobIndex:
    """Lists callers' jobs. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def page(self, client: str, *, status: JobStatus | None, limit: int, cursor: str | None) -> JobPage:
        """Return a page of a caller's jobs.

        Args:
            client: the name of the caller's key; "" without keys.
            status: return only jobs with this status; None for all.
            limit: the most jobs to return.
            cursor: the cursor of the previous page; None to start with the newest job.

        Raises:
            InvalidCursor: no page of this caller's list has this cursor.
        """
        end = BEGINNING if cursor is None else f"({_sequence(client, cursor)}"
        found: list[JobRecord] = []
        for _ in range(MOST_READ // READ_AT_ONCE):
            entries = self._entries(client, end)
            for sequence, record in entries:
                end = f"({sequence}"
                if record is not None and status in (None, record.status):
                    found.append(record)
                if len(found) == limit:
                    return JobPage(tuple(found), self._cursor_after(client, sequence))
            if len(entries) < READ_AT_ONCE:
                return JobPage(tuple(found), None)
        return JobPage(tuple(found), _cursor(client, int(end.removeprefix("("))))

    def _entries(self, client: str, end: str) -> list[tuple[int, JobRecord | None]]:
        """Return the next jobs' sequence numbers and records; None for a record that has expired or is unreadable."""
        key = index_key(client)
        listed = cast(
            "list[tuple[str, float]]",
            self._redis.zrevrangebyscore(key, end, "-inf", start=0, num=READ_AT_ONCE, withscores=True),
        )
        with self._redis.pipeline(transaction=False) as pipeline:
            for job_id, _ in listed:
                pipeline.hgetall(job_key(job_id))
            records = cast("list[dict[str, str]]", pipeline.execute())
        gone = [job_id for (job_id, _), fields in zip(listed, records, strict=True) if "status" not in fields]
        if gone:
            self._redis.zrem(key, *gone)
        return [
            (int(sequence), _read(job_id, fields)) for (job_id, sequence), fields in zip(listed, records, strict=True)
        ]

    def _cursor_after(self, client: str, sequence: int) -> str | None:
        """Return the cursor of the jobs that follow a given one; None if there are none."""
        is_last = not self._redis.zcount(index_key(client), "-inf", f"({sequence}")
        return None if is_last else _cursor(client, sequence)


def _read(job_id: str, fields: dict[str, str]) -> JobRecord | None:
    try:
        return parse_record(job_id, fields)
    except (KeyError, ValueError):  # it has expired, or another version wrote it
        return None


def _cursor(client: str, sequence: int) -> str:
    """Return a cursor: a position in a caller's list, and a digest that tells it from a forged one."""
    mark = hashlib.blake2b(f"{client}\n{sequence}".encode(), digest_size=8).hexdigest()
    return f"{sequence}-{mark}"


def _sequence(client: str, cursor: str) -> int:
    match = CURSOR.fullmatch(cursor)
    if match is None or _cursor(client, int(match[1])) != cursor:
        raise InvalidCursor(
            "this cursor does not belong to your list of jobs; use the `next_cursor` of a response", field="cursor"
        )
    return int(match[1])
