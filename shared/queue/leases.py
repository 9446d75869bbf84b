"""Leases on jobs: the workers' side of the job records.

A worker that takes a job gets a lease with a unique fencing token. Every script that changes the job checks the token,
so a worker that has lost its lease (because it was paused or cut off) cannot publish anything. A worker keeps all its
leases with one counter, ``writing:beat:<worker>``, which its heartbeat increments. Any other worker that sees the
counter stall puts that worker's jobs back. Clocks are never compared between machines: each observer uses its own clock
to measure how long a counter has not moved.

A job whose worker died is quarantined, because it may have caused the crash. Workers rehearse quarantined jobs in a
separate process. A job that crashes this process fails as poisoned; the remaining ones run one at a time. If a worker
dies while it runs a quarantined job, only that job is charged with the crash. A job that is charged `queue.max_deaths`
times fails as poisoned too. The record's field for the count is `deaths`, because older versions of the service read
that name.
"""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import cast

import redis

from shared.errors import Poisoned, UnreadableRecord
from shared.queue.job_record import JobRecord
from shared.queue.keys import Key, job_key, preview_key
from shared.queue.scripts import load_script
from shared.queue.store import JobStore
from shared.schemas import JobError, JobStatus, Progress
from shared.settings import QueueSettings

# Longer than the longest step on a slow machine.
PREVIEW_TTL_S = 60


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's lease on a job."""

    record: JobRecord
    worker: str
    token: str

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.record.job_id


class Leases:
    """Takes, keeps and gives back jobs for one worker.

    Every method raises `redis.RedisError` when Redis does not answer.
    """

    def __init__(self, client: redis.Redis, store: JobStore, settings: QueueSettings, worker: str) -> None:
        self._redis = client
        self._store = store
        self._settings = settings
        self.worker = worker
        self._take = load_script(client, "take_job")
        self._finish = load_script(client, "finish_job")
        self._release = load_script(client, "release_job")
        self._report = load_script(client, "report_progress")
        self._save_preview = load_script(client, "save_preview")
        self._reap = load_script(client, "reap_worker")
        self._give_back = load_script(client, "give_back_jobs")
        self._sign_off = load_script(client, "sign_off")

    def take(self, job_id: str, token: str | None = None) -> Lease | None:
        """Take a waiting job; None if there is nothing to do because it runs elsewhere, has ended, or is unknown.

        A job whose record this version cannot read, as during an upgrade, ends as failed.

        Args:
            job_id: the job.
            token: the lease's token; repeat a call whose answer was lost with the same token.
        """
        token = token or new_token()
        taken = self._take(
            keys=[job_key(job_id), _running_key(self.worker), _beat_key(self.worker)],
            args=[job_id, self.worker, token],
        )
        if not taken:
            return None
        try:
            record = self._store.get(job_id)
            _ = record.request
        except (ValueError, KeyError) as error:
            unreadable = UnreadableRecord(f"the worker cannot read the job's record: {error}")
            self._end(job_id, token, JobStatus.FAILED, error=JobError.of(unreadable))
            return None
        return Lease(record, self.worker, token)

    def record(self, job_id: str) -> JobRecord:
        """Return a job's record; raises the same errors as `JobStore.get`."""
        return self._store.get(job_id)

    def is_quarantined(self, job_id: str) -> bool:
        """Return whether a worker has died while it ran this job."""
        return int(cast("str | None", self._redis.hget(job_key(job_id), "deaths")) or 0) > 0

    def report(self, lease: Lease, stage: str, progress: Progress) -> "LeaseStatus":
        """Record progress; return whether to continue."""
        answer = self._report(
            keys=[job_key(lease.job_id)],
            args=[lease.job_id, lease.token, stage, progress.step, progress.total_steps],
        )
        return LeaseStatus(int(cast(int, answer)))

    def save_preview(self, lease: Lease, jpeg: bytes, step: int, variation: int = 0) -> None:
        """Store a preview of a running job's variation at a step, for `PREVIEW_TTL_S`; a later one replaces it."""
        self._save_preview(
            keys=[preview_key(lease.job_id, variation), job_key(lease.job_id)],
            args=[lease.job_id, jpeg.hex(), PREVIEW_TTL_S, step, lease.token, variation],
        )

    def publish(
        self,
        lease: Lease,
        result_key: str,
        result: bytes,
        generation_ms: int,
        *,
        pictures: tuple[bytes, ...] = (),
        budget: int = 0,
    ) -> bool:
        """Store a result with its pictures and end its job as succeeded, atomically; return False if the lease is lost.

        Args:
            lease: the job's lease.
            result_key: the document's key.
            result: the document.
            generation_ms: how long the job took.
            pictures: PNGs, in the document's order.
            budget: bytes that all results may take, beyond which the oldest are evicted; 0: unlimited.
        """
        return self._end(
            lease.job_id,
            lease.token,
            JobStatus.SUCCEEDED,
            generation_ms=generation_ms,
            result_key=result_key,
            result=result,
            pictures=pictures,
            budget=budget,
        )

    def fail(self, lease: Lease, error: JobError) -> bool:
        """End a job as failed; return False if the lease is lost."""
        return self._end(lease.job_id, lease.token, JobStatus.FAILED, error=error)

    def confirm_cancelled(self, lease: Lease) -> bool:
        """End a job as cancelled; return False if the lease is lost."""
        return self._end(lease.job_id, lease.token, JobStatus.CANCELLED)

    @property
    def max_crashes(self) -> int:
        """How many workers a job may crash before it fails."""
        return self._settings.max_deaths

    def release(self, lease: Lease, *, counts_crash: bool = False) -> bool:
        """Requeue a job at its old position; return False if the lease is lost. The caller sends a new message.

        It ends instead if its cancellation was requested.

        Args:
            lease: the job's lease.
            counts_crash: whether to charge the job with this worker's crash.
        """
        keys = [job_key(lease.job_id), _running_key(self.worker)]
        args: list[str | int] = [lease.job_id, lease.token, int(counts_crash), self._settings.record_ttl_s]
        return bool(self._release(keys=keys, args=args))

    def beat(self) -> None:
        """Record that this worker is alive, which keeps its leases."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.sadd(Key.OWNERS, self.worker)
            pipeline.incr(_beat_key(self.worker))
            pipeline.execute()

    def beats(self) -> dict[str, str]:
        """Return the counter of every worker that may hold jobs; "" for a worker without one."""
        owners = sorted(cast("set[str]", self._redis.smembers(Key.OWNERS)))
        found = cast("list[str | None]", self._redis.mget([_beat_key(owner) for owner in owners])) if owners else []
        return {owner: beat or "" for owner, beat in zip(owners, found, strict=True)}

    def reap(self, worker: str, beat: str) -> list[str]:
        """Requeue a worker's jobs if its counter still equals ``beat``; fail those charged too often.

        Returns:
            the ids of the requeued jobs, which need new messages.
        """
        poisoned = Poisoned(f"{self._settings.max_deaths} workers died while running this job")
        return cast(
            list[str],
            self._reap(
                keys=[_beat_key(worker), _running_key(worker)],
                args=[
                    worker,
                    beat,
                    self._settings.max_deaths,
                    JobError.of(poisoned).model_dump_json(),
                    self._settings.record_ttl_s,
                ],
            ),
        )

    def give_back(self, working_on: Callable[[], Collection[str]]) -> list[str]:
        """Requeue the jobs that are recorded as this worker's although it is not working on them.

        The task of such a job ended without ending its record: Redis accepted no result for longer than the worker
        retries, or lost its last second of writes in a power cut.

        Args:
            working_on: returns the ids of the jobs in progress. It is called after the records are read, so that a job
                that is just being taken is not missed.

        Returns:
            the ids of the requeued jobs, which need new messages.
        """
        recorded = cast("set[str]", self._redis.smembers(_running_key(self.worker)))
        strays = recorded.difference(working_on())
        if not strays:
            return []
        args: list[str | int] = [self.worker, self._settings.record_ttl_s, *sorted(strays)]
        return cast("list[str]", self._give_back(keys=[_running_key(self.worker)], args=args))

    def sign_off(self) -> None:
        """Deregister this worker at shutdown if it holds no jobs, so that nobody waits for its counter to stall."""
        self._sign_off(keys=[_beat_key(self.worker), _running_key(self.worker)], args=[self.worker])

    def _end(
        self,
        job_id: str,
        token: str,
        status: JobStatus,
        *,
        error: JobError | None = None,
        generation_ms: int = 0,
        result_key: str | None = None,
        result: bytes = b"",
        pictures: tuple[bytes, ...] = (),
        budget: int = 0,
    ) -> bool:
        return bool(
            self._finish(
                keys=[job_key(job_id), _running_key(self.worker), *([result_key] if result_key else [])],
                args=[
                    job_id,
                    token,
                    status.value,
                    error.model_dump_json() if error else "",
                    self._settings.record_ttl_s,
                    generation_ms,
                    result,
                    self._settings.result_ttl_s,
                    budget,
                    *pictures,
                ],
            )
        )


def new_token() -> str:
    """Return a unique fencing token."""
    return uuid.uuid4().hex


class LeaseStatus(int):
    """The state of a lease, as returned by `report_progress.lua`."""

    @property
    def is_lost(self) -> bool:
        """Whether the worker no longer holds the lease."""
        return self < 0

    @property
    def is_cancelled(self) -> bool:
        """Whether the job's cancellation was requested."""
        return self > 0


def _running_key(worker: str) -> str:
    return Key.RUNNING + worker


def _beat_key(worker: str) -> str:
    return Key.BEAT + worker
