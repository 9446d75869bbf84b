"""A submitted job: follow it, cancel it, fetch its result."""

import base64
import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import requests

from writing_client.arguments import path_segment
from writing_client.connection import Connection
from writing_client.deadline import deadline_after
from writing_client.errors import JobCancelled, JobFailed, Unreachable, WaitTimedOut, WritingError, refusal
from writing_client.events import Event, read_events
from writing_client.models import AIGenerationResult, JobStatus, JobView, ResultLinks, Variation

POLL_S = 0.2
# The service sends a comment every 15 s, so a longer silence means a broken connection.
SILENCE_S = 20.0
RECONNECT_S = 0.5
# After this many consecutive connections without an event, the job is polled: an intermediary buffers streams.
MAX_EMPTY_STREAMS = 3


@dataclass(frozen=True, slots=True)
class Update:
    """A job's status and progress.

    Attributes:
        status: the job's status.
        stage: what the job is doing: glyph, conditioning, diffusion …; None before it runs.
        step: the number of denoising steps done.
        total_steps: the number of all steps; 0 until it is known.
        queue_position: the number of jobs ahead of it; None once it runs, or if unknown.
    """

    status: JobStatus = JobStatus.QUEUED
    stage: str | None = None
    step: int = 0
    total_steps: int = 0
    queue_position: int | None = None

    @classmethod
    def of(cls, view: JobView) -> "Update":
        """Return the update for a polled job."""
        return cls(view.status, view.stage, view.progress.step, view.progress.total_steps, view.queue_position)


@dataclass(frozen=True, slots=True)
class Preview:
    """A small preview of a picture in progress.

    Attributes:
        step: the denoising step after which it was taken.
        image: JPEG.
        variation: which of the job's pictures it shows, from 0.
    """

    step: int
    image: bytes
    variation: int = 0


OnProgress = Callable[[Update], object]
OnPreview = Callable[[Preview], object]


class Job:
    """A submitted job; `id` identifies it to the service."""

    def __init__(self, connection: Connection, job_id: str) -> None:
        self.id = job_id
        self._connection = connection
        self._path = f"/api/writing/jobs/{path_segment('job_id', job_id)}"
        # What the last event said, so that another wait resumes after it.
        self._update, self._last_id = Update(), ""

    def view(self) -> JobView:
        """Return the job's current status, with its result once it has succeeded.

        Raises:
            WritingError: `job_not_found`, `result_expired`.
        """
        return self._fetched(self._light_view())

    def _light_view(self) -> JobView:
        """Return the job's current status, with a result's URLs instead of its pictures."""
        return self._connection.fetch(JobView, "GET", self._path, params={"result": "links"})

    def _fetched(self, view: JobView) -> JobView:
        """Return a view with its pictures instead of their URLs."""
        if not isinstance(view.result, ResultLinks):
            return view
        links = view.result
        image = self._png(links.image_url)
        result = AIGenerationResult(
            success=links.success,
            generated_image_base64=image,
            conditioning_images_base64={
                control_type: {method: self._png(url) for method, url in methods.items()}
                for control_type, methods in links.conditioning_urls.items()
            },
            prompt_used=links.prompt_used,
            generation_metadata=links.generation_metadata,
            variations=tuple(
                Variation(
                    generated_image_base64=image if link.kept else self._png(link.image),
                    seed=link.seed,
                    legibility=link.legibility,
                    kept=link.kept,
                )
                for link in links.variations
            ),
        )
        return view.model_copy(update={"result": result})

    def _png(self, address: str) -> str:
        return base64.b64encode(self._connection.download("image/png", "GET", address)).decode()

    def thumbnail(self, side: int = 256) -> bytes:
        """Return a small version of the finished job's picture, as JPEG.

        Args:
            side: the most pixels of its longer side, 64 to 2048.

        Raises:
            WritingError: `job_not_finished`, `job_without_picture`, `result_expired`, `out_of_range`.
        """
        return self._connection.download("image/jpeg", "GET", f"{self._path}/image", params={"size": str(side)})

    def cancel(self, *, is_retried: bool = True) -> JobView:
        """Cancel the job and return its status without a result. A job that has ended is unchanged.

        Raises:
            WritingError: `job_not_found`.
        """
        return self._connection.fetch(JobView, "DELETE", self._path, is_retried=is_retried)

    def abandon(self) -> None:
        """Cancel the job, which is no longer needed, if the service can be reached."""
        with suppress(WritingError):
            self.cancel(is_retried=False)

    def wait(
        self,
        on_progress: OnProgress | None = None,
        on_preview: OnPreview | None = None,
        timeout_s: float | None = None,
    ) -> AIGenerationResult:
        """Wait until the job has ended, and return its result.

        Follow the job's events, or poll if they are not available. A lost connection resumes after the last event, and
        so does another call after one that timed out.

        Args:
            on_progress: called in this thread at each change of the job's status or progress.
            on_preview: called with each preview; never if the job is polled.
            timeout_s: how long to wait, exceeded by at most one heartbeat (15 s); None to wait without limit.

        Raises:
            JobFailed: the job has failed; the error has its code.
            JobCancelled: the job was cancelled.
            WaitTimedOut: the job did not end in time; it continues.
            WritingError: the job has expired, or the service does not answer.
        """
        deadline = deadline_after(timeout_s)
        told: Update | None = None
        for news in self._news(deadline):
            if isinstance(news, Preview):
                if on_preview is not None:
                    on_preview(news)
            elif news != told:
                if on_progress is not None:
                    on_progress(news)
                told = news
        return result_of(self.view())

    def _news(self, deadline: float) -> Iterator[Update | Preview]:
        """Yield the job's updates and previews until it has ended."""
        has_ended = yield from self._streamed(deadline)
        if not has_ended:
            yield from self._polled(deadline)

    def _streamed(self, deadline: float) -> Generator[Update | Preview, None, bool]:
        """Yield news from the events; return whether the job has ended. If not, no stream is available."""
        if self._last_id:
            yield self._update
        empty_streams = 0
        while empty_streams < MAX_EMPTY_STREAMS:
            empty_streams += 1
            try:
                with self._open_stream(deadline) as response:
                    if not _is_stream(response):
                        return False
                    for event in read_events(self._chunks(response, deadline)):
                        self._last_id, empty_streams = event.last_id or self._last_id, 0
                        if event.name == "end":
                            return True
                        news = _news_of(event, self._update)
                        if news is None:
                            return False
                        self._update = news if isinstance(news, Update) else self._update
                        yield news
            except (Unreachable, requests.RequestException):
                # The stream broke or was silent for too long: resume after the last event.
                self._check_deadline(deadline)
            time.sleep(RECONNECT_S)
        return False

    def _open_stream(self, deadline: float) -> requests.Response:
        self._check_deadline(deadline)
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": self._last_id} if self._last_id else {})}
        silence_s = min(SILENCE_S, max(deadline - time.monotonic(), 0.1))
        return self._connection.stream(f"{self._path}/events", silence_s=silence_s, headers=headers)

    def _chunks(self, response: requests.Response, deadline: float) -> Iterator[bytes]:
        # Only a chunked response yields each chunk at once; for any other, requests would wait for its end.
        is_chunked = getattr(response.raw, "chunked", False)
        for chunk in response.iter_content(None if is_chunked else 1):
            self._check_deadline(deadline)
            yield chunk

    def _polled(self, deadline: float) -> Iterator[Update]:
        while True:
            view = self._light_view()
            yield Update.of(view)
            if view.status.is_terminal:
                return
            self._check_deadline(deadline)
            time.sleep(POLL_S)

    def _check_deadline(self, deadline: float) -> None:
        if time.monotonic() >= deadline:
            raise WaitTimedOut(f"job {self.id} has not ended yet; it continues")


def result_of(view: JobView) -> AIGenerationResult:
    """Return an ended job's result.

    Raises:
        JobFailed, JobCancelled: it has no result.
    """
    if isinstance(view.result, AIGenerationResult):
        return view.result
    if view.status is JobStatus.CANCELLED:
        raise JobCancelled(f"job {view.job_id} was cancelled")
    raise JobFailed.of(view.error)


def _is_stream(response: requests.Response) -> bool:
    """Return whether a response is a stream of events.

    Raises:
        WritingError: there is no such job, or the key is wrong.
    """
    if not response.ok:
        error = refusal(response)
        if error.code == "job_not_found" or error.concerns_all:
            raise error
    return response.ok and response.headers.get("Content-Type", "").startswith("text/event-stream")


def _news_of(event: Event, update: Update) -> Update | Preview | None:
    """Return what an event tells about a job; None if its data cannot be read, as after an intermediary changed it."""
    try:
        return _preview(event) if event.name == "preview" else _advance(update, event)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _advance(update: Update, event: Event) -> Update:
    """Return the job's state after an event. An event unknown to this client changes nothing."""
    if event.name == "progress":
        told = json.loads(event.data)
        status = JobStatus(told["status"])
        position = update.queue_position if status is JobStatus.QUEUED else None
        return Update(status, told["stage"], told["step"], told["total_steps"], position)
    if event.name == "queue":
        return replace(update, queue_position=json.loads(event.data)["queue_position"])
    return update


def _preview(event: Event) -> Preview:
    told: dict[str, Any] = json.loads(event.data)
    _, _, encoded = told["image"].partition(",")  # a data URL
    return Preview(told["step"], base64.b64decode(encoded), told.get("variation", 0))
