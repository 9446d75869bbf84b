"""The jobs that a caller has sent, newest first: a sorted set ``writing:jobs:<client>`` of ids by sequence number."""

from collections.abc import Sequence
from typing import cast

import redis

from shared.queue.job_record import JobRecord, parse_record
from shared.queue.keys import Key, job_key
from shared.queue.listing import Listing, Page
from shared.schemas import JobStatus

READ_AT_ONCE = 200


class JobIndex:
    """Lists callers' jobs. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._listing = Listing(client, Key.JOBS, self._read, noun="jobs")

    def page(self, client: str, *, status: JobStatus | None, limit: int, cursor: str | None) -> Page[JobRecord]:
        """Return a page of a caller's jobs.

        Args:
            client: the name of the caller's key; "" without keys.
            status: return only jobs with this status; None for all.
            limit: the most jobs to return.
            cursor: the cursor of the previous page; None to start with the newest job.

        Raises:
            InvalidCursor: no page of this caller's list has this cursor.
        """
        return self._listing.page(
            client,
            limit=limit,
            cursor=cursor,
            at_once=READ_AT_ONCE,
            is_wanted=lambda record: status in (None, record.status),
        )

    def _read(self, jobs: Sequence[str]) -> dict[str, JobRecord | None]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for job_id in jobs:
                pipeline.hgetall(job_key(job_id))
            found = cast("list[dict[str, str]]", pipeline.execute())
        kept = zip(jobs, found, strict=True)
        return {job_id: _parsed(job_id, fields) for job_id, fields in kept if "status" in fields}


def _parsed(job_id: str, fields: dict[str, str]) -> JobRecord | None:
    try:
        return parse_record(job_id, fields)
    except (KeyError, ValueError):  # another version wrote it
        return None
