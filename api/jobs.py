"""Jobs as the API handles them: submit, look at, wait for, cancel."""

import base64
import logging
import time
import uuid
from collections.abc import Callable

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from api.event_hub import EventHub
from api.idempotency import digest_key, fingerprint
from api.style_samples import digest, sample_request
from api.validation import RequestValidator
from shared.celery_app import send_job
from shared.errors import (
    ConditioningNotFound,
    JobNotFinished,
    ResultExpired,
    SampleNotReady,
    VariationNotFound,
)
from shared.queue.results import Budget, Results, ResultSizes, StoredResult
from shared.queue.store import JobRecord, JobStore, Submission, unknown_job
from shared.schemas import (
    AIGenerationResult,
    GenerationRequest,
    JobStatus,
    JobView,
    ResultLinks,
    Variation,
)
from shared.settings import Settings
from shared.styles import StyleDefinition

logger = logging.getLogger(__name__)

SAMPLES = "\n"  # who has the styles' samples drawn: no client is called so
CONTROL_TYPES = 4  # each has a default method

# One quick second try: a pooled connection that a restarted Redis has closed is replaced, an absent Redis told at once.
SEND_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


class Jobs:
    """The API's use of the queue."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: JobStore,
        validator: RequestValidator,
        hub: EventHub,
        celery: Celery,
        results: Results,
        budget: Budget,
        sizes: ResultSizes,
    ) -> None:
        self._settings = settings
        self._store = store
        self._validator = validator
        self._hub = hub
        self._celery = celery
        self._results = results
        self._budget = budget
        self._sizes = sizes
        self._is_closed = False

    def close(self) -> None:
        """Let nobody wait any longer, as the process ends."""
        self._is_closed = True

    @property
    def is_closed(self) -> bool:
        """Whether the process ends."""
        return self._is_closed

    def submit(
        self, request: GenerationRequest, idempotency_key: str | None = None, client: str = "", part: str = ""
    ) -> Submission:
        """Check a request, record the job, and send its message.

        Args:
            request: what to draw.
            idempotency_key: the client's key: the same key with the same request returns the first job.
            client: who asks, "" for nobody known; each has its own jobs and Idempotency-Keys.
            part: tells requests apart that came with one key; "": it came alone.

        Raises:
            InvalidRequest: the word cannot be drawn, its meaning is not known, or style or method are not to be had.
            QueueFull: too many jobs wait.
            IdempotencyConflict: the key was used with another request.
            QueueUnavailable: Redis is full; no job was made.
            redis.RedisError: Redis does not answer; no job was made.
        """
        return self._submit(request, digest_key(idempotency_key, client, part), client)

    def _submit(self, request: GenerationRequest, key: str | None, client: str) -> Submission:
        self._validator.check(request)
        result_bytes = self.estimate(request)
        self.admit(result_bytes)
        submission = self._store.create(
            str(uuid.uuid4()),
            request,
            client=client,
            idempotency_key=key,
            fingerprint="" if key is None else fingerprint(request, self._settings),
            result_bytes=result_bytes,
        )
        if submission.is_new:
            self.send(submission.job_id, request)
        return submission

    def admit(self, result_bytes: int) -> None:
        """Refuse what there is no room for.

        Raises:
            QueueUnavailable: Redis is nearly full, or so many bytes of results would not fit beside those to come.
        """
        self._store.check_memory()
        self._store.check_budget(result_bytes, self._budget.limit())

    def view(self, job_id: str, links: Callable[[StoredResult], ResultLinks] | None = None) -> JobView:
        """Return how a job stands, with the result if it succeeded.

        Args:
            job_id: the job.
            links: makes the result's addresses, to be given instead of its pictures.

        Raises:
            JobNotFound: there is no record.
            ResultExpired: it succeeded, but its pictures are no longer kept.
        """
        record = self._store.get(job_id)
        return JobView(
            job_id=job_id,
            status=record.status,
            stage=record.status.value if record.status.is_terminal else record.stage,
            progress=record.progress,
            queue_position=self._store.position(record) if record.status is JobStatus.QUEUED else None,
            result=self._answer(record, links) if record.status is JobStatus.SUCCEEDED else None,
            error=record.error,
        )

    def status(self, job_id: str) -> JobStatus | None:
        """Return a job's status alone; None: there is no record."""
        return self._store.status(job_id)

    def result(self, job_id: str) -> AIGenerationResult:
        """Return a succeeded job's result. Raises as `stored`."""
        return self._whole(self.stored(job_id))

    def stored(self, job_id: str) -> StoredResult:
        """Return a succeeded job's result without its pictures.

        Raises:
            JobNotFound, ResultExpired: as `view`.
            JobNotFinished: the job has no result, or will have none.
        """
        status = self._store.status(job_id)
        if status is None:
            raise unknown_job(job_id)
        if status is not JobStatus.SUCCEEDED:
            raise JobNotFinished(f"the job is {status}; it has no picture")
        return self._document(job_id)

    def find(self, stored: StoredResult, control_type: str = "", method: str = "") -> int:
        """Return the number of a conditioning image, without arguments of the picture.

        Raises:
            ConditioningNotFound: the job made no such image.
        """
        number = stored.find(control_type, method)
        if number is None:
            made = ", ".join(f"{info.control_type}/{info.method}" for info in stored.pictures if info.control_type)
            raise ConditioningNotFound(f"no image {control_type}/{method}; the job has {made or 'none'}")
        return number

    def find_variation(self, stored: StoredResult, variation: int) -> int:
        """Return the number of a variation's picture.

        Raises:
            VariationNotFound: the job made no such variation.
        """
        number = stored.find_variation(variation)
        if number is None:
            made = len(stored.body.get("variations", ()))
            there = f"there are 0 to {made - 1}" if made else "it was asked for one picture"
            raise VariationNotFound(f"the job has no variation {variation}; {there}")
        return number

    def picture(self, stored: StoredResult, number: int = 0) -> bytes:
        """Return one picture as PNG.

        Raises:
            ResultExpired: it is no longer kept.
        """
        png = self._results.picture(stored, number)
        if png is None:
            raise _expired(stored.job_id)
        return png

    def wait(self, job_id: str, seconds: float) -> JobStatus:
        """Wait until a job has ended, for so long at most, or until the process ends; return its status then.

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
            self._hub.wait_for_end(record, left_s)

    def cancel(self, job_id: str) -> JobView:
        """Cancel a job and return how it stands; one that has ended stays as it is.

        Raises:
            JobNotFound: there is no record.
        """
        self._store.cancel(job_id)
        return self.view(job_id)

    def sample(self, style: str, definition: StyleDefinition) -> str:
        """Return a style's sample in base64; the first call has it drawn.

        Raises:
            SampleNotReady: it is not drawn yet, or could not be. Further as `submit`.
        """
        # A new one for each time that results are kept, so that one is always there.
        period = int(time.time() / self._settings.queue.result_ttl_s)
        key = f"{style} {digest(definition)} {self._settings.model} {period}"
        job_id = self._submit(sample_request(style), digest_key(key, SAMPLES), client="").job_id
        record = self._store.get(job_id)
        if record.status is not JobStatus.SUCCEEDED:
            raise SampleNotReady(
                record.error.detail if record.error else "the sample is not drawn yet",
                retry_after_s=self._settings.queue.retry_after_s,
            )
        return base64.b64encode(self.picture(self._document(job_id))).decode()

    def send(self, job_id: str, request: GenerationRequest) -> None:
        """Send a recorded job's message; where that fails, the workers' reconciler sends it: the job is accepted."""
        try:
            send_job(
                self._celery,
                job_id,
                request.priority,
                shown=f"({request.word!r}, {request.style or self._settings.default_style!r})",
                retry=True,
                retry_policy=SEND_RETRY,
            )
        except (OperationalError, redis.RedisError) as error:
            logger.warning("message of job %s not sent, the reconciler will: %s", job_id, error)

    def estimate(self, request: GenerationRequest) -> int:
        """Return what a request's result should take, in bytes."""
        side = self._settings.active_model.default_size
        pixels = (request.width or side) * (request.height or side)
        asked = request.conditioning_methods
        maps = CONTROL_TYPES - len(asked) + sum(map(len, asked.values())) if request.include_conditioning else 0
        return self._sizes.estimate(pixels, maps, request.variations)

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
        # A worker made it by the same schema.
        variations = tuple(Variation.model_construct(**variation) for variation in whole.get("variations", ()))
        return AIGenerationResult.model_construct(**{**whole, "variations": variations})


def _expired(job_id: str) -> ResultExpired:
    return ResultExpired(f"the pictures of job {job_id} are no longer kept")
