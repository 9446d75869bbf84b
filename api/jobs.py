"""Jobs as the API handles them: submit, look at, wait for, cancel."""

import hashlib
import logging
import time
import uuid

import redis
from celery import Celery
from celery.result import AsyncResult
from kombu.exceptions import OperationalError

from api.style_samples import digest, sample_request
from shared.celery_app import send_job
from shared.characters import CharacterDatabase
from shared.errors import (
    Blocked,
    ConditioningNotFound,
    InvalidRequest,
    JobNotFinished,
    JobNotFound,
    MethodUnavailable,
    QualityUnavailable,
    ResultExpired,
    SampleNotReady,
    UnknownStyle,
)
from shared.fonts import FontCoverage
from shared.job_store import JobRecord, JobStore, Submission
from shared.schemas import AI_METHODS, AIGenerationResult, GenerationRequest, JobStatus, JobView
from shared.settings import Settings
from shared.styles import StyleDefinition
from shared.webhook_targets import parse_target
from shared.words import check_coverage, normalise_word, resolve_meaning
from shared.worker_registry import WorkerRegistry
from shared.writing.blocklist import Blocklist

logger = logging.getLogger(__name__)

WAIT_POLL_S = 0.05
MAX_IDEMPOTENCY_KEY_LENGTH = 255

# One quick second try: a pooled connection that a restarted Redis has closed is replaced, an absent Redis told at once.
SEND_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


class Jobs:
    """The API's use of the queue."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: JobStore,
        registry: WorkerRegistry,
        celery: Celery,
        database: CharacterDatabase,
        fonts: tuple[FontCoverage, ...],
    ) -> None:
        self._settings = settings
        self._store = store
        self._registry = registry
        self._celery = celery
        self._database = database
        self._fonts = fonts
        self._blocklist = Blocklist(settings.api.blocked_words)

    def submit(
        self, request: GenerationRequest, idempotency_key: str | None = None, client: str | None = None
    ) -> Submission:
        """Check a request, record the job, and send its message.

        Args:
            request: what to draw.
            idempotency_key: the client's key: the same key with the same request returns the first job.
            client: who asks; each has its own Idempotency-Keys.

        Raises:
            InvalidRequest: the word cannot be drawn, its meaning is not known, or style or method are not to be had.
            QueueFull: too many jobs wait.
            IdempotencyConflict: the key was used with another request.
            QueueUnavailable: Redis is full; no job was made.
            redis.RedisError: Redis does not answer; no job was made.
        """
        self._check(request)
        key = _digest_key(idempotency_key, client)
        self._store.check_memory()
        fingerprint = "" if key is None else hashlib.sha256(request.model_dump_json().encode()).hexdigest()
        submission = self._store.create(str(uuid.uuid4()), request, idempotency_key=key, fingerprint=fingerprint)
        if submission.is_new:
            self._send(submission.job_id, request)
        return submission

    def view(self, job_id: str) -> JobView:
        """Return how a job stands, with the result if it succeeded.

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
            result=self._result(record) if record.status is JobStatus.SUCCEEDED else None,
            error=record.error,
        )

    def result(self, job_id: str) -> AIGenerationResult:
        """Return a succeeded job's result.

        Raises:
            JobNotFound, ResultExpired: as `view`.
            JobNotFinished: the job has no result, or will have none.
        """
        record = self._store.get(job_id)
        if record.status is not JobStatus.SUCCEEDED:
            raise JobNotFinished(f"the job is {record.status}; it has no picture")
        return self._result(record)

    def conditioning_image(self, job_id: str, control_type: str, method: str) -> str:
        """Return one conditioning image in base64.

        Raises:
            ConditioningNotFound: the job made no such image. Further as `result`.
        """
        images = self.result(job_id).conditioning_images_base64
        if method not in images.get(control_type, {}):
            made = ", ".join(f"{kind}/{name}" for kind, methods in images.items() for name in methods)
            raise ConditioningNotFound(f"no image {control_type}/{method}; the job has {made or 'none'}")
        return images[control_type][method]

    def wait(self, job_id: str, seconds: float) -> JobStatus:
        """Wait until a job has ended, for so long at most; return its status then."""
        deadline = time.monotonic() + seconds
        while True:
            status = self._store.status(job_id)
            if status is None:
                raise JobNotFound(f"no job {job_id!r}")
            if status.is_terminal or time.monotonic() >= deadline:
                return status
            time.sleep(WAIT_POLL_S)

    def cancel(self, job_id: str) -> JobView:
        """Cancel a job and return how it stands; one that has ended stays as it is.

        Raises:
            JobNotFound: there is no record.
        """
        self._store.cancel(job_id)
        return self.view(job_id)

    def meanings(self, word: str) -> tuple[str, tuple[str, ...]]:
        """Return a word in its normal form, and its English meanings.

        Raises:
            InvalidRequest: it cannot be written.
        """
        word = normalise_word(word)
        check_coverage(word, self._database, self._fonts)
        return word, self._database.glosses(word)

    def sample(self, style: str, definition: StyleDefinition) -> str:
        """Return a style's sample in base64; the first call has it drawn.

        Raises:
            SampleNotReady: it is not drawn yet, or could not be. Further as `submit`.
        """
        # A new one for each time that results are kept, so that one is always there.
        period = int(time.time() / self._settings.queue.result_ttl_s)
        key = f"sample {style} {digest(definition)} {self._settings.model} {period}"
        job_id = self.submit(sample_request(style), key).job_id
        record = self._store.get(job_id)
        if record.status is not JobStatus.SUCCEEDED:
            raise SampleNotReady(
                record.error.detail if record.error else "the sample is not drawn yet",
                retry_after_s=self._settings.queue.retry_after_s,
            )
        return self._result(record).generated_image_base64

    def _check(self, request: GenerationRequest) -> None:
        if request.style is not None and request.style not in self._settings.styles:
            raise UnknownStyle(
                f"no style {request.style!r}; there are {', '.join(self._settings.styles)}", field="style"
            )
        offered = self._settings.active_model.qualities
        if request.quality not in offered:
            raise QualityUnavailable(
                f"no quality {request.quality.value!r} for model {self._settings.model}; there is {', '.join(offered)}",
                field="quality",
            )
        self._check_blocked(request)
        check_coverage(request.word, self._database, self._fonts)
        resolve_meaning(request.word, request.translation, self._database)
        if request.webhook_url is not None:
            parse_target(request.webhook_url, self._settings.webhooks)
        self._check_methods(request)

    def _check_blocked(self, request: GenerationRequest) -> None:
        """Refuse what the operator does not want drawn: the word, what is said of it, and all that it means."""
        texts = [("translation", request.translation), ("word", request.word)]
        texts += [("word", gloss) for gloss in self._database.glosses(request.word)]
        for field, text in texts:
            if self._blocklist.blocks(text):
                raise Blocked("this deployment does not draw that", field=field)

    def _check_methods(self, request: GenerationRequest) -> None:
        """Refuse a method that no live worker can run; without workers the job waits for one that may."""
        for control_type, methods in request.conditioning_methods.items():
            for method in AI_METHODS.intersection(methods):
                reason = self._registry.unavailable_methods().get(method)
                if reason is not None:
                    raise MethodUnavailable(f"{method}: {reason}", field=f"conditioning_methods.{control_type}")

    def _send(self, job_id: str, request: GenerationRequest) -> None:
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

    def _result(self, record: JobRecord) -> AIGenerationResult:
        payload = AsyncResult(record.job_id, app=self._celery).result
        if not isinstance(payload, dict):
            raise ResultExpired(f"the pictures of job {record.job_id} are no longer kept")
        return AIGenerationResult.model_validate(payload)


def _digest_key(key: str | None, client: str | None) -> str | None:
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY_LENGTH or not key.isprintable():
        raise InvalidRequest(
            f"give 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} printable characters as Idempotency-Key", field="Idempotency-Key"
        )
    return hashlib.sha256(f"{client or ''}\n{key}".encode("utf-8", "surrogateescape")).hexdigest()
