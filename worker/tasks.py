"""The Celery task: take the job, make the picture, give it back. The process boundary of a job."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import redis
from celery import Task
from celery.exceptions import Ignore, Reject

from shared.celery_app import GENERATE_TASK
from shared.errors import DeviceLost, GenerationFailed, JobCancelled, ModelLoadError, ServiceError
from shared.job_store import JobRecord, JobStore
from shared.schemas import JobError, JobStatus
from worker.ai_image_generator import AIImageGenerator
from worker.job_monitor import JobHandle, JobMonitor

logger = logging.getLogger("generation")

T = TypeVar("T")

# How long a worker holds on to a finished job while Redis is away, and how often it tries.
INSIST_S = 300.0
INSIST_EVERY_S = 0.5


class GenerateTask(Task):  # type: ignore[misc]  # celery is untyped
    """Draws the word of one job.

    The return value, the whole result as JSON, goes to Celery's result backend under the job's id; only then does
    Celery call `on_success`, which ends the job's record, and only after that acknowledge the message. So a record
    that says `succeeded` has its pictures, and a worker that dies in between leaves the message to be delivered again.
    """

    name = GENERATE_TASK
    throws = (ServiceError,)  # a job that fails for a known reason is no error of the worker: no traceback in the log
    resultrepr_maxsize = 60  # what the log and Flower show of a result: megabytes of base64 otherwise

    def __init__(
        self,
        *,
        store: JobStore,
        monitor: JobMonitor,
        generator: AIImageGenerator,
        worker_id: str,
        stop_process: Callable[[str], None],
    ) -> None:
        """Take what the task works with.

        Args:
            store: job records.
            monitor: reports progress, hears of cancellations.
            generator: makes the pictures.
            worker_id: this process, as the registry knows it.
            stop_process: ends the process in an orderly way, for the reason given.
        """
        self._store = store
        self._monitor = monitor
        self._generator = generator
        self._worker_id = worker_id
        self._stop_process = stop_process

    def run(self, job_id: str) -> dict[str, Any]:
        """Run a job; ends it in the record, unless `on_success` does."""
        record = insist(lambda: self._store.take(job_id, self._worker_id))
        if record is None:
            logger.info("job %s has ended already; nothing to do", job_id)
            raise Ignore()
        with self._monitor.watch(job_id) as handle:
            return self._generate(record, handle)

    def on_success(self, retval: dict[str, Any], task_id: str, args: Any, kwargs: Any) -> None:
        """End the record: the result is stored now."""
        generation_ms = retval["generation_metadata"]["generation_time_ms"]
        insist(lambda: self._store.finish(task_id, JobStatus.SUCCEEDED, generation_ms=generation_ms))

    def _generate(self, record: JobRecord, handle: JobHandle) -> dict[str, Any]:
        try:
            return asyncio.run(self._generator.generate(record.request, handle)).model_dump(mode="json")
        except JobCancelled:
            self._cancelled(record.job_id)
        except (ModelLoadError, DeviceLost) as error:
            # The job is not at fault: it goes back to the queue for a worker that can draw it.
            self._stop_process(str(error))
            raise Reject(error, requeue=True) from error
        except ServiceError as error:
            self._failed(record.job_id, error)
        except Exception as error:  # the process boundary: whatever happened, the job ends and the worker lives
            logger.exception("job %s failed", record.job_id)
            self._failed(record.job_id, GenerationFailed(f"{type(error).__name__}: {error}"))

    def _failed(self, job_id: str, error: ServiceError) -> NoReturn:
        insist(lambda: self._store.finish(job_id, JobStatus.FAILED, error=JobError(**error.to_dict())))
        raise error

    def _cancelled(self, job_id: str) -> NoReturn:
        insist(lambda: self._store.finish(job_id, JobStatus.CANCELLED))
        # Flower knows no other word for it.
        self.send_event("task-revoked", terminated=False, signum=None, expired=False)
        logger.info("job %s cancelled", job_id)
        raise Ignore()


def insist(call: Callable[[], T]) -> T:
    """Return the call's value, trying again while Redis is away, so that a finished job is not lost to a restart.

    Raises:
        redis.RedisError: Redis stayed away for INSIST_S.
    """
    give_up = time.monotonic() + INSIST_S
    while True:
        try:
            return call()
        except redis.RedisError as error:
            if time.monotonic() > give_up:
                raise
            logger.warning("Redis does not answer, trying again: %s", error)
            time.sleep(INSIST_EVERY_S)
