"""Job records in Redis: the single source of truth for a job's status.

A record is a hash ``writing:job:<id>``, written before the job's message is sent. Waiting jobs are also members of
``writing:waiting:<queue>``, sorted by arrival, which gives the queues' depth and a job's position. Every change of
status is one Lua script. It is therefore atomic, and never leaves a terminal status. The workers' changes to a record
are in `shared.queue.leases`.

The pictures are stored separately, in Celery's result backend under the job's id.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import redis
from pydantic import ValidationError

from shared.errors import IdempotencyConflict, JobNotFound, QueueFull, TooManyCancelled
from shared.queue.clock import redis_time
from shared.queue.job_record import JobRecord, new_record, parse_record
from shared.queue.keys import Key, job_key, preview_key, waiting_keys
from shared.queue.scripts import load_script
from shared.schemas import Counts, GenerationRequest, JobStatus, Priority, RecentFailure
from shared.settings import QueueSettings

LEAST_ENDED = 3  # ended jobs needed to estimate a rate
LONGEST_RETRY_AFTER_S = 600


@dataclass(frozen=True, slots=True)
class Submission:
    """The outcome of a submitted request: a new job, or the one that its Idempotency-Key already created."""

    job_id: str
    is_new: bool


class JobStore:
    """Creates, reads and changes job records.

    Every method raises `redis.RedisError` when Redis does not answer.

    Attributes:
        is_shared: whether there can be several named clients, so that each must leave room for others.
    """

    def __init__(self, client: redis.Redis, settings: QueueSettings, *, is_shared: bool = True) -> None:
        self.is_shared = is_shared
        self._redis = client
        self._settings = settings
        self._create = load_script(client, "create_job")
        self._cancel = load_script(client, "cancel_job")
        self._count_waiting = load_script(client, "count_waiting")
        self._find_position = load_script(client, "find_position")

    def create(
        self,
        job_id: str,
        request: GenerationRequest,
        *,
        client: str = "",
        idempotency_key: str | None = None,
        fingerprint: str = "",
        result_bytes: int = 0,
    ) -> Submission:
        """Record a job as queued, or find the one that the same Idempotency-Key created before.

        Args:
            job_id: the new job's id.
            request: what to draw.
            client: the job's owner, as the name of an API key; "" without keys.
            idempotency_key: a digest of the client's key; None if there is no key.
            fingerprint: a digest of the request as the client sent it.
            result_bytes: the estimated size of its result.

        Raises:
            QueueFull: the queue holds as many waiting jobs as it may, or as many of this client as it may.
            TooManyCancelled: the client has cancelled as many jobs as it may.
            IdempotencyConflict: the key was used before with a different request.
        """
        fields = new_record(request, client=client, fingerprint=fingerprint, result_bytes=result_bytes)
        limit = self.limit(request.priority)
        outcome, found = cast(
            list[str],
            self._create(
                keys=idempotency_records(idempotency_key),
                args=[
                    job_id, fingerprint, limit, client, int(self.is_shared), self._settings.cancelled_limit,
                    request.priority.value, *(item for pair in fields.items() for item in pair),
                ],
            ),
        )  # fmt: skip
        self.check_outcome(outcome, found, 1, full=f"the queue is full: {limit} jobs are waiting")
        return Submission(found, is_new=outcome == "created")

    def check_outcome(self, outcome: str, told: str, count: int, *, full: str) -> None:
        """Refuse the jobs that a script has refused to create.

        Args:
            outcome: what the script returned.
            told: what it returned with it.
            count: how many jobs it was to create.
            full: what to say if the queue has no room for them.

        Raises:
            QueueFull: the queue has no room, or not for this client; says when it should have.
            TooManyCancelled: the client has cancelled as many jobs as it may.
            IdempotencyConflict: the Idempotency-Key was used before with a different request.
        """
        if outcome == "full":
            raise QueueFull(full, retry_after_s=self.retry_after_s(count))
        if outcome == "share":
            own, free = map(int, told.split())
            raise QueueFull(
                f"{own} of your jobs are waiting, and the {free} free places are for others",
                retry_after_s=self.retry_after_s(math.ceil((own + count - free) / 2)),  # each end also frees a place
            )
        if outcome == "cancelled":
            raise TooManyCancelled(
                "too many of your jobs were cancelled before they started; try again later", retry_after_s=int(told)
            )
        if outcome == "conflict":
            raise conflict()

    def find(self, idempotency_key: str | None, fingerprint: str) -> Submission | None:
        """Return the job that an Idempotency-Key created before; None if there is none.

        Raises:
            IdempotencyConflict: the key was used before with a different request.
        """
        job_id = created_before(self._redis, idempotency_key, fingerprint, job_key)
        return None if job_id is None else Submission(job_id, is_new=False)

    def limit(self, priority: Priority) -> int:
        """Return how many jobs may wait in a queue. Bulk and interactive jobs have separate limits."""
        return self._settings.limit if priority is Priority.INTERACTIVE else self._settings.bulk_limit

    def retry_after_s(self, places: int = 1) -> int:
        """Return the seconds until this many places should be free, by the mean time between the latest jobs' ends."""
        between_s = self._between_ends_s()
        if between_s is None:
            return self._settings.retry_after_s
        return max(1, min(math.ceil(places * between_s), LONGEST_RETRY_AFTER_S))

    def drain_s(self) -> float | None:
        """Return the seconds until the queue would be empty at the current rate; None if too few jobs have ended."""
        depth = sum(self.depth().values())
        between_s = self._between_ends_s()
        if not depth:
            return 0.0
        return None if between_s is None else depth * between_s

    def _between_ends_s(self) -> float | None:
        ends = [list(map(float, end.split())) for end in cast("list[str]", self._redis.lrange(Key.FINISHED, 0, -1))]
        if len(ends) < LEAST_ENDED:
            return None
        # If jobs wait but none ends, the estimate grows.
        now = redis_time(self._redis)
        stalled_s = max(0.0, now - max(ends[0][0], self._waiting_since(now)))
        return (sum(gap_s for _, gap_s in ends) + stalled_s) / len(ends)

    def _waiting_since(self, now: float) -> float:
        """Return when the oldest waiting job arrived, or now if none waits, in seconds since the epoch."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in waiting_keys():
                pipeline.zrange(key, 0, 0)
            first = [job_id for found in pipeline.execute() for job_id in found]
        created = [cast("str | None", self._redis.hget(job_key(job_id), "created_at")) for job_id in first]
        return min((float(moment) for moment in created if moment), default=now)

    def memory(self) -> tuple[int, int]:
        """Return the bytes that Redis uses, and those that it may use; 0: unlimited.

        The buffers of its file and its replicas are excluded, as Redis itself excludes them from its limit.
        """
        memory = cast(dict[str, int], self._redis.info("memory"))
        return memory["used_memory"] - memory.get("mem_not_counted_for_evict", 0), memory["maxmemory"]

    def failure_codes(self) -> dict[str, int]:
        """Return how many jobs failed, by error code."""
        counts = cast("dict[str, str]", self._redis.hgetall(Key.FAILURE_CODES))
        return {code: int(count) for code, count in counts.items()}

    def recent_failures(self) -> list[RecentFailure]:
        """Return the latest failures, newest first."""
        kept = cast("list[str]", self._redis.lrange(Key.RECENT_FAILURES, 0, -1))
        return [failure for failure in map(_read_failure, kept) if failure is not None]

    def get(self, job_id: str) -> JobRecord:
        """Return the record.

        Raises:
            JobNotFound: there is no such record.
        """
        fields = cast(dict[str, str], self._redis.hgetall(job_key(job_id)))
        if "status" not in fields:
            raise unknown_job(job_id)
        return parse_record(job_id, fields)

    def owner(self, job_id: str) -> str | None:
        """Return a job's owner: the name of an API key, or "" if it was sent without one.

        Return None if there is no record, or if it predates the recording of owners; any key may read such a record.
        """
        return cast("str | None", self._redis.hget(job_key(job_id), "client"))

    def status(self, job_id: str) -> JobStatus | None:
        """Return the job's status alone, or None if there is no record."""
        status = cast("str | None", self._redis.hget(job_key(job_id), "status"))
        return None if status is None else JobStatus(status)

    def preview(self, job_id: str, variation: int = 0) -> bytes | None:
        """Return the latest preview of one of a job's pictures as JPEG, if there is one."""
        kept = cast("str | None", self._redis.get(preview_key(job_id, variation)))
        return None if kept is None else bytes.fromhex(kept)

    def cancel(self, job_id: str) -> None:
        """Cancel a job: at once if it waits, at its next step if it runs, not at all if it has ended.

        Raises:
            JobNotFound: there is no record.
        """
        if self._cancel(keys=[job_key(job_id)], args=[job_id, self._settings.record_ttl_s]) is None:
            raise unknown_job(job_id)

    def position(self, record: JobRecord) -> int | None:
        """Return how many jobs should be taken before a queued one; None if it has left the queue."""
        args = [record.job_id, record.queue, record.priority.value]
        return cast("int | None", self._find_position(args=args))

    def depth(self) -> dict[Priority, int]:
        """Return the number of waiting jobs by priority."""
        counts = cast("list[int]", self._count_waiting(args=[priority.value for priority in Priority]))
        return dict(zip(Priority, counts, strict=True))

    def counts(self) -> Counts:
        """Return the number of ended jobs by outcome, and the average times of those that succeeded."""
        stats = cast(dict[str, str], self._redis.hgetall(Key.STATS))
        succeeded = int(stats.get("succeeded", 0))

        def average(key: str) -> float | None:
            return int(stats.get(key, 0)) / succeeded if succeeded else None

        return Counts(
            succeeded=succeeded,
            failed=int(stats.get("failed", 0)),
            cancelled=int(stats.get("cancelled", 0)),
            average_generation_time_ms=average("generation_ms"),
            average_wait_ms=average("wait_ms"),
        )


def created_before(
    client: redis.Redis, idempotency_key: str | None, fingerprint: str, record_key: Callable[[str], str]
) -> str | None:
    """Return the id of the job or deck that an Idempotency-Key created before; None if there is none.

    Raises:
        IdempotencyConflict: the key was used before with a different request.
    """
    first = cast("str | None", client.get(Key.IDEMPOTENCY + idempotency_key)) if idempotency_key else None
    kept = None if first is None else client.hget(record_key(first), "fingerprint")
    if kept is not None and kept != fingerprint:
        raise conflict()
    return None if kept is None else first


def idempotency_records(idempotency_key: str | None) -> list[str]:
    """Return the key of what an Idempotency-Key created; none without one.

    A script must not name an empty key, since a user who is limited to keys with a prefix may not use it.
    """
    return [Key.IDEMPOTENCY + idempotency_key] if idempotency_key else []


def conflict() -> IdempotencyConflict:
    """Return the error for an Idempotency-Key that is used again with a different request."""
    return IdempotencyConflict("this Idempotency-Key was already used for a different request", field="Idempotency-Key")


def unknown_job(job_id: str) -> JobNotFound:
    """Return the error for a job that does not exist or that its caller may not see."""
    return JobNotFound(f"there is no job {job_id!r}: it was never submitted, or its record has expired")


def _read_failure(text: str) -> RecentFailure | None:
    """Return a failure; None if another version wrote it in a format that this version cannot read."""
    try:
        return RecentFailure.model_validate_json(text, extra="ignore")
    except ValidationError:
        return None
