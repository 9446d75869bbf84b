"""The Celery task: take the job, make the picture, publish the result. A job's process boundary."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import celery.worker.state
import redis
from celery import Task
from celery.exceptions import Ignore, Reject
from celery.worker.request import Request
from kombu.exceptions import OperationalError

from shared.celery_app import GENERATE_TASK
from shared.errors import (
    DeviceLost,
    GenerationFailed,
    JobCancelled,
    JobNotFound,
    ModelLoadError,
    Poisoned,
    ServiceError,
)
from shared.queue.leases import Lease, Leases, new_token
from shared.queue.metrics import JobMetrics, Sample
from shared.queue.object_store import StoreUnavailable
from shared.queue.result_budget import Budget, ResultSizes
from shared.queue.results import NewResult, pack
from shared.schemas import AIGenerationResult, JobError, JobStatus
from worker.ai_image_generator import AIImageGenerator
from worker.background.job_monitor import JobHandle, JobMonitor
from worker.quarantine.queue import QuarantineQueue
from worker.quarantine.rehearsal import RehearsalProcess
from worker.retry import retry_for_five_minutes

logger = logging.getLogger("generation")

# Raised by a task when its job has ended or waits again. Also while Redis is away: the reaper then recovers the job.
SETTLED = (Ignore, Reject, ServiceError, redis.RedisError, OperationalError)


class JobRequest(Request):  # type: ignore[misc]  # celery is untyped
    """A job's message, as held by Celery's worker."""

    def terminate(self, _pool: Any, signal: Any = None) -> None:
        """Cancel the job at its next step, for a revoke with `terminate`: a thread cannot be killed."""
        self.task.cancel(self.id)


def cancel_revoked(*, sender: Any, request: Any, **_signal: Any) -> None:
    """Cancel a job whose message Celery discarded because it was revoked, for example in Flower."""
    sender.cancel(request.id)


class GenerateTask(Task):  # type: ignore[misc]  # celery is untyped
    """Draws the word of one job.

    The result is written to Celery's result backend under the job's id, by the same script that ends the job's record
    and checks the lease, so a worker that has lost its lease publishes nothing. Only then does Celery acknowledge the
    message. If a worker dies in between, the message is delivered again, which has no effect.

    Args:
        leases: of this worker.
        monitor: reports progress and receives cancellations.
        generator: makes the pictures.
        send: sends the message of a job that waits again, to its queue.
        cancel: cancels a job in any status.
        stop_process: ends the process in an orderly way, for the given reason.
        metrics: receives the duration of jobs.
        budget: limits the size of all results.
        sizes: learns the size of results.
    """

    name = GENERATE_TASK
    Request = JobRequest
    ignore_result = True  # `_publish` stores it in Celery's format
    throws = (ServiceError,)  # a job that fails for a known reason is not a worker error, so no traceback is logged

    def __init__(
        self,
        *,
        leases: Leases,
        monitor: JobMonitor,
        generator: AIImageGenerator,
        send: Callable[[str, str], None],
        cancel: Callable[[str], None],
        stop_process: Callable[[ServiceError], None],
        metrics: JobMetrics,
        budget: Budget,
        sizes: ResultSizes,
    ) -> None:
        self._leases = leases
        self._monitor = monitor
        self._generator = generator
        self._send = send
        self._cancel = cancel
        self._stop_process = stop_process
        self._metrics = metrics
        self._budget = budget
        self._sizes = sizes
        self._quarantine = QuarantineQueue()

    def cancel(self, job_id: str) -> None:
        """Cancel a revoked job. Without Redis, its message is sent, and discarded, again later."""
        try:
            self._cancel(job_id)
        except (JobNotFound, redis.RedisError) as error:
            logger.warning("revoked job %s not cancelled: %s", job_id, error)
        else:
            logger.info("job %s cancelled: it was revoked", job_id)

    def run(self, job_id: str) -> dict[str, Any]:
        """Run a job and end it; return what Flower displays for it."""
        if retry_for_five_minutes(lambda: self._leases.is_quarantined(job_id)):
            self._run_quarantine(job_id)
        if self._monitor.is_draining:
            raise Reject("the worker is shutting down", requeue=True)
        return self._run(job_id, self._draw)

    def _run_quarantine(self, job_id: str) -> NoReturn:
        """Run a job that may have crashed a worker, after those queued before it.

        Such jobs run one at a time, so that it is known which one crashes a worker. The task that finds no other one
        running also runs the jobs that arrive meanwhile, whose own tasks end immediately. If this worker dies, they
        remain waiting jobs without a message, and another worker sends one for each.
        """
        if self._quarantine.join(job_id):
            with RehearsalProcess() as rehearsal:
                for quarantined in self._quarantine:
                    self._run_quarantined(quarantined, rehearsal)
        raise Ignore()

    def _run_quarantined(self, job_id: str, rehearsal: RehearsalProcess) -> None:
        """Run a quarantined job, after a rehearsal in a process that may crash."""
        if job_id in celery.worker.state.revoked:  # Celery only checks when a message arrives
            self.cancel(job_id)
        try:
            crash = None if self._monitor.is_draining else self._rehearse(job_id, rehearsal)
            if self._monitor.is_draining:
                retry_for_five_minutes(lambda: self._send(job_id, self._leases.record(job_id).queue))
            else:
                self._run(job_id, self._draw if crash is None else partial(self._refuse, crash=crash))
        except SETTLED as outcome:
            logger.info("quarantined job %s: %r", job_id, outcome)

    def _rehearse(self, job_id: str, rehearsal: RehearsalProcess) -> str | None:
        """Return the signal that killed a waiting job's rehearsal, or None."""
        try:
            record = retry_for_five_minutes(lambda: self._leases.record(job_id))
            return rehearsal.rehearse(record.request) if record.status is JobStatus.QUEUED else None
        except (ValueError, KeyError):
            return None  # the record is unreadable: `take` ends the job

    def _run(self, job_id: str, action: Callable[[Lease, JobHandle], dict[str, Any]]) -> dict[str, Any]:
        """Take a job and act on it. Whatever the action raises, the job ends or waits again."""
        with self._monitor.work_on(job_id):
            token = new_token()
            lease = retry_for_five_minutes(lambda: self._leases.take(job_id, token))
            if lease is None:
                logger.info("job %s runs elsewhere or has ended; nothing to do", job_id)
                raise Ignore()
            with self._monitor.watch(lease) as handle:
                try:
                    return action(lease, handle)
                except ServiceError as error:
                    self._failed(lease, error)
                except SETTLED:
                    raise
                except BaseException as error:  # the process boundary: the job ends after any error
                    logger.exception("job %s failed", lease.job_id)
                    self._failed(lease, GenerationFailed(f"{type(error).__name__}: {error}"))

    def _draw(self, lease: Lease, handle: JobHandle) -> dict[str, Any]:
        return self._publish(lease, self._generate(lease, handle))

    def _refuse(self, _lease: Lease, _handle: JobHandle, *, crash: str) -> NoReturn:
        raise Poisoned(f"a worker died while running this job, and {crash} killed its rehearsal too")

    def _generate(self, lease: Lease, handle: JobHandle) -> AIGenerationResult:
        try:
            return asyncio.run(self._generator.generate(lease.record.request, handle))
        except JobCancelled:
            self._stopped(lease, handle)
        except (ModelLoadError, DeviceLost) as error:
            self._monitor.refuse_new()
            self._stop_process(error)
            if isinstance(error, DeviceLost):
                self._charge_crash(lease, error)
            self._put_back(lease)

    def _publish(self, lease: Lease, result: AIGenerationResult) -> dict[str, Any]:
        generation_ms = result.generation_metadata["generation_time_ms"]
        new = pack(lease.job_id, lease.token, result)
        key = self.backend.get_key_for_task(lease.job_id)
        kept = self._store_elsewhere(lease, new)

        def publish() -> bool:
            budget = self._budget.limit()
            return self._leases.publish(lease, key, new.document, generation_ms, pictures=kept, budget=budget)

        if not retry_for_five_minutes(publish):
            self.backend.results.forget(lease.job_id, lease.token, new)
            self._give_up(lease)
        self._count(lease, result, new)
        return {"seed": result.generation_metadata["seed"], "generation_time_ms": generation_ms}

    def _store_elsewhere(self, lease: Lease, new: NewResult) -> tuple[bytes, ...]:
        """Write the pictures to the object store, if configured, before the record says `succeeded`.

        Returns:
            The pictures that Redis must store.
        """
        try:
            return retry_for_five_minutes(lambda: self.backend.results.store_elsewhere(lease.job_id, lease.token, new))
        except StoreUnavailable:
            self._put_back(lease)  # the job is not at fault

    def _count(self, lease: Lease, result: AIGenerationResult, new: NewResult) -> None:
        """Add a job's durations to the metrics. Without Redis they are dropped."""
        metadata, record = result.generation_metadata, lease.record
        started_at = record.started_at or record.created_at
        samples = [
            Sample("job_wait_seconds", max(0.0, started_at - record.created_at)),
            Sample("job_seconds", metadata["generation_time_ms"] / 1000),
            *(Sample("stage_seconds", ms / 1000, stage) for stage, ms in metadata["timings_ms"].items()),
        ]
        score = metadata["legibility"]["score"]
        if score is not None:
            samples.append(Sample("legibility_score", score))
        try:
            self._metrics.observe(samples)
            self._sizes.learn(metadata["width"] * metadata["height"], new)
        except redis.RedisError as error:
            logger.warning("job %s not counted: %s", lease.job_id, error)

    def _failed(self, lease: Lease, error: ServiceError) -> NoReturn:
        if not retry_for_five_minutes(lambda: self._leases.fail(lease, JobError.of(error))):
            self._give_up(lease)
        raise error

    def _stopped(self, lease: Lease, handle: JobHandle) -> NoReturn:
        """End a stopped job according to the reason for its stop."""
        if handle.is_cancel_requested:
            retry_for_five_minutes(lambda: self._leases.confirm_cancelled(lease))
            self._notify_revoked(lease.job_id)
            logger.info("job %s cancelled", lease.job_id)
            raise Ignore()
        if handle.is_lost:
            self._give_up(lease)
        self._put_back(lease)

    def _notify_revoked(self, job_id: str) -> None:
        """Make Flower show a job as cancelled, for which its only event is `task-revoked`.

        The current task may belong to a different job.
        """
        with self.app.events.default_dispatcher(hostname=self.request.hostname) as events:
            events.send("task-revoked", uuid=job_id, terminated=False, signum=None, expired=False)

    def _put_back(self, lease: Lease, *, counts_crash: bool = False) -> NoReturn:
        """Let the job wait again, with a new message.

        Celery may already have returned the current message because the worker is shutting down.
        """
        if retry_for_five_minutes(lambda: self._leases.release(lease, counts_crash=counts_crash)):
            retry_for_five_minutes(lambda: self._send(lease.job_id, lease.record.queue))
            logger.info("job %s requeued", lease.job_id)
        raise Ignore()

    def _charge_crash(self, lease: Lease, error: DeviceLost) -> NoReturn:
        """Let another worker draw the job. At the limit of crashes the job fails, since it may well be the cause."""
        if lease.record.crash_count + 1 >= self._leases.max_crashes:
            self._failed(lease, error)
        self._put_back(lease, counts_crash=True)

    def _give_up(self, lease: Lease) -> NoReturn:
        logger.warning("job %s now belongs to another worker; the work done here is discarded", lease.job_id)
        raise Ignore()
