"""Jobs in the API: submit, look up, wait for, cancel."""

import base64
import logging
import time
import uuid
from collections.abc import Callable, Iterable

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from pydantic import ValidationError

from api.event_hub import EventHub
from api.idempotency import digest_key, fingerprint
from api.style_samples import digest, sample_request
from api.validation import RequestValidator
from shared.celery_app import send_job
from shared.errors import (
    ConditioningNotFound,
    JobNotFinished,
    JobWithoutPicture,
    ResultExpired,
    SampleNotReady,
    TooManyListeners,
    UnreadableRecord,
    VariationNotFound,
)
from shared.queue.admission import Admission
from shared.queue.client_queues import queue_of
from shared.queue.job_record import JobRecord
from shared.queue.result_budget import Budget, ResultSizes
from shared.queue.results import Results, StoredResult
from shared.queue.store import JobStore, Submission, unknown_job
from shared.schemas import (
    CONTROL_TYPES,
    AIGenerationResult,
    GenerationRequest,
    JobError,
    JobStatus,
    JobView,
    ResultLinks,
    Variation,
)
from shared.settings import Settings
from shared.styles import StyleDefinition

logger = logging.getLogger(__name__)

SAMPLES = "\n"  # the owner of the styles' sample jobs; no client can have this name
SAMPLE_ATTEMPTS = 5

# One immediate retry: it replaces a pooled connection that a restarted Redis has closed, and an absent Redis is
# reported at once.
SEND_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


class Jobs:
    """The API's operations on jobs."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: JobStore,
        admission: Admission,
        validator: RequestValidator,
        hub: EventHub,
        celery: Celery,
        results: Results,
        budget: Budget,
        sizes: ResultSizes,
    ) -> None:
        self._settings = settings
        self._store = store
        self._admission = admission
        self._validator = validator
        self._hub = hub
        self._celery = celery
        self._results = results
        self._budget = budget
        self._sizes = sizes
        self._is_closed = False

    def close(self) -> None:
        """Release all waiting calls, as the process ends."""
        self._is_closed = True

    def submit(
        self, request: GenerationRequest, idempotency_key: str | None = None, client: str = "", part: str = ""
    ) -> Submission:
        """Validate a request, record the job, and send its message.

        Args:
            request: what to draw.
            idempotency_key: the client's key; the same key with the same request returns the first job.
            client: the caller, "" if anonymous; each has its own jobs and Idempotency-Keys.
            part: distinguishes requests that share one key; "" for a single request.

        Raises:
            InvalidRequest: the word cannot be drawn, its meaning is not known, or the style or method is not available.
            QueueFull: too many jobs are waiting, or too many of this client.
            IdempotencyConflict: the key was used with a different request.
            QueueOutOfMemory: Redis is full; no job was created.
            redis.RedisError: Redis does not answer; no job was created.
        """
        return self._submit(request, digest_key(idempotency_key, client, part), client)

    def _submit(self, request: GenerationRequest, key: str | None, client: str) -> Submission:
        self._validator.check(request)
        asked = "" if key is None else fingerprint(request, self._settings)
        if (first := self._store.find(key, asked)) is not None:  # even if there is no room for another one
            return first
        result_bytes = self.estimate(request)
        self.admit(client, result_bytes)
        submission = self._store.create(
            str(uuid.uuid4()),
            request,
            client=client,
            idempotency_key=key,
            fingerprint=asked,
            result_bytes=result_bytes,
        )
        if submission.is_new:
            self.send(submission.job_id, request, client)
        return submission

    def admit(self, client: str, result_bytes: int) -> None:
        """Refuse jobs whose results there is no room for.

        Raises:
            QueueOutOfMemory: Redis is nearly full, or they would not fit beside the results still expected.
            QueueFull: those of this client would leave less room for others.
        """
        self._admission.check(client, result_bytes, self._budget.for_pictures())

    def view(self, job_id: str, links: Callable[[StoredResult], ResultLinks] | None = None) -> JobView:
        """Return a job's status, with the result if it succeeded.

        Args:
            job_id: the job.
            links: makes the result's URLs, which are returned instead of its pictures.

        Raises:
            JobNotFound: there is no record.
            ResultExpired: it succeeded, but its pictures are no longer kept.
        """
        record = self._store.get(job_id)
        return self._view(record, self._answer(record, links) if record.status is JobStatus.SUCCEEDED else None)

    def error(self, job_id: str) -> JobError | None:
        """Return why a job failed; None if it did not.

        Raises:
            JobNotFound: there is no record.
        """
        return self._store.get(job_id).error

    def status(self, job_id: str) -> JobStatus | None:
        """Return only a job's status; None if there is no record."""
        return self._store.status(job_id)

    def result(self, job_id: str) -> AIGenerationResult:
        """Return a succeeded job's result. Raises as `stored`."""
        return self._whole(self.stored(job_id))

    def stored(self, job_id: str) -> StoredResult:
        """Return a succeeded job's result without its pictures.

        Raises:
            JobNotFound, ResultExpired: as `view`.
            JobNotFinished: the job has no result yet.
            JobWithoutPicture: the job failed or was cancelled.
        """
        status = self._store.status(job_id)
        if status is None:
            raise unknown_job(job_id)
        if not status.is_terminal:
            raise JobNotFinished(f"the job is {status}; it has no picture yet")
        if status is not JobStatus.SUCCEEDED:
            raise JobWithoutPicture(f"the job was {status}" if status is JobStatus.CANCELLED else "the job failed")
        return self._document(job_id)

    def request(self, job_id: str, variation: int | None) -> GenerationRequest:
        """Return what a job draws, if it may still have a picture.

        Args:
            job_id: the job.
            variation: the variation that it must have; None for any.

        Raises:
            JobNotFound: there is no record.
            UnreadableRecord: it is damaged.
            VariationNotFound: the job does not draw this variation.
            JobWithoutPicture, ResultExpired: it has ended, and has no picture any more.
        """
        record = self._store.get(job_id)
        try:
            request = record.request
        except ValidationError as error:
            raise UnreadableRecord("the job's record cannot be read") from error
        if variation is not None and (request.variations == 1 or variation >= request.variations):
            raise _no_variation(variation, request.variations)
        if record.status.is_terminal:
            self.stored(job_id)
        return request

    def with_picture(self, jobs: Iterable[tuple[str, JobStatus]]) -> frozenset[str]:
        """Return those of the jobs, given with their status, that have a picture which is still kept."""
        return self._results.kept([job_id for job_id, status in jobs if status is JobStatus.SUCCEEDED])

    def find(self, stored: StoredResult, control_type: str = "", method: str = "") -> int:
        """Return the index of a conditioning image; without a type and method, that of the picture.

        Raises:
            ConditioningNotFound: the job did not make such an image.
        """
        number = stored.find(control_type, method)
        if number is None:
            made = ", ".join(f"{info.control_type}/{info.method}" for info in stored.pictures if info.control_type)
            raise ConditioningNotFound(f"the job has no image {control_type}/{method}; available: {made or 'none'}")
        return number

    def find_variation(self, stored: StoredResult, variation: int) -> int:
        """Return the index of a variation's picture.

        Raises:
            VariationNotFound: the job did not make such a variation.
        """
        number = stored.find_variation(variation)
        if number is None:
            raise _no_variation(variation, len(stored.body.get("variations", ())))
        return number

    def picture(self, stored: StoredResult, number: int = 0) -> bytes:
        """Return one picture as PNG.

        Raises:
            ResultExpired: the picture is no longer kept.
        """
        png = self._results.picture(stored, number)
        if png is None:
            raise _expired(stored.job_id)
        return png

    def wait(self, job_id: str, seconds: float, client: str = "") -> JobStatus:
        """Wait until a job or the process has ended, for at most `seconds`, and return the job's status.

        A client that waits for too many jobs already does not wait.

        Raises:
            JobNotFound: there is no record.
            redis.RedisError: Redis does not answer.
        """
        deadline = time.monotonic() + seconds
        while True:
            record = self._store.get(job_id)
            left_s = deadline - time.monotonic()
            if record.status.is_terminal or left_s <= 0 or self._is_closed:
                return record.status
            try:
                self._hub.wait_for_end(record, left_s, client)
            except TooManyListeners:
                return record.status

    def cancel(self, job_id: str) -> JobView:
        """Cancel a job and return its status without a result; a job that has ended is unchanged.

        Raises:
            JobNotFound: there is no record.
        """
        self._store.cancel(job_id)
        return self._view(self._store.get(job_id))

    def sample(self, style: str, definition: StyleDefinition) -> str:
        """Return a style's sample in base64; the first call queues its job.

        Raises:
            SampleNotReady: it is not drawn yet, or could not be drawn. Other errors are as for `submit`.
        """
        # One job per retention period of results, so that a sample is always available; another one if it was evicted,
        # cancelled or failed.
        period = int(time.time() / self._settings.queue.result_ttl_s)
        key = f"{style} {digest(definition)} {self._settings.model} {period}"
        reason = ""
        for attempt in range(SAMPLE_ATTEMPTS):
            part = str(attempt) if attempt else ""
            job_id = self._submit(sample_request(style), digest_key(key, SAMPLES, part), client="").job_id
            record = self._store.get(job_id)
            if not record.status.is_terminal:
                reason = "the sample has not been drawn yet"
                break
            try:
                return base64.b64encode(self.picture(self.stored(job_id))).decode()
            except (JobWithoutPicture, ResultExpired) as error:
                reason = record.error.detail if record.error else error.detail
        raise SampleNotReady(reason, retry_after_s=self._settings.queue.retry_after_s)

    def send(self, job_id: str, request: GenerationRequest, client: str) -> bool:
        """Send a recorded job's message; return whether it was sent. If not, the workers' reconciler will send it."""
        try:
            send_job(
                self._celery,
                job_id,
                queue_of(request.priority, client),
                shown=f"({request.word!r}, {request.style or self._settings.default_style!r})",
                retry=True,
                retry_policy=SEND_RETRY,
            )
        except (OperationalError, redis.RedisError) as error:
            logger.warning("message of job %s not sent; the reconciler will send it: %s", job_id, error)
            return False
        return True

    def estimate(self, request: GenerationRequest) -> int:
        """Return the expected size of a request's result, in bytes."""
        side = self._settings.active_model.default_size
        pixels = (request.width or side) * (request.height or side)
        asked = request.conditioning_methods
        maps = len(CONTROL_TYPES) - len(asked) + sum(map(len, asked.values())) if request.include_conditioning else 0
        return self._sizes.estimate(pixels, maps, request.variations)

    def _view(self, record: JobRecord, result: AIGenerationResult | ResultLinks | None = None) -> JobView:
        return JobView(
            job_id=record.job_id,
            status=record.status,
            word=record.word,
            priority=record.priority,
            deck_id=record.deck,
            stage=record.current_stage,
            progress=record.progress,
            queue_position=self._store.position(record) if record.status is JobStatus.QUEUED else None,
            cancel_requested=record.cancel_requested,
            result=result,
            error=record.error,
            created_at=record.created_at,
            started_at=record.started_at,
            finished_at=record.finished_at,
        )

    def _answer(
        self, record: JobRecord, links: Callable[[StoredResult], ResultLinks] | None
    ) -> AIGenerationResult | ResultLinks:
        stored = self._document(record.job_id)
        return self._whole(stored) if links is None else links(stored)

    def _document(self, job_id: str) -> StoredResult:
        stored = self._results.get(job_id)
        if stored is None:
            raise _expired(job_id)
        return stored

    def _whole(self, stored: StoredResult) -> AIGenerationResult:
        whole = self._results.whole(stored)
        if whole is None:
            raise _expired(stored.job_id)
        # A worker serialised it with the same schema.
        variations = tuple(Variation.model_construct(**variation) for variation in whole.get("variations", ()))
        return AIGenerationResult.model_construct(**{**whole, "variations": variations})


def _no_variation(variation: int, pictures: int) -> VariationNotFound:
    there = f"it has 0 to {pictures - 1}" if pictures > 1 else "it draws a single picture"
    return VariationNotFound(f"the job has no variation {variation}; {there}")


def _expired(job_id: str) -> ResultExpired:
    return ResultExpired(f"the pictures of job {job_id} are no longer stored")
