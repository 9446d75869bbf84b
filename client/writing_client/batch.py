"""Many requests: each is submitted once there is room, and has an outcome of its own."""

import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from writing_client.arguments import check_at_least, check_list
from writing_client.errors import WritingError
from writing_client.job import POLL_S, Job, result_of
from writing_client.models import AIGenerationResult, GenerationRequest
from writing_client.patience import FULL_PAUSE_S

Request = GenerationRequest | Mapping[str, Any]
Submit = Callable[[Request, str], Job]  # with an Idempotency-Key


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """The outcome of one request of a batch: its picture or its error.

    Attributes:
        index: the request's position in the batch, from 0.
        request: the request as given.
        result: the picture; None if there is none.
        error: why there is none.
    """

    index: int
    request: Request
    result: AIGenerationResult | None = None
    error: WritingError | None = None


@dataclass(frozen=True, slots=True)
class Unsent:
    """A request that has no job yet. All tries have the same Idempotency-Key, so they create only one."""

    index: int
    request: Request
    key: str


class Batch:
    """The requests of a batch that are left, and its jobs in flight."""

    def __init__(self, requests: Iterable[Request], submit: Submit, concurrency: int) -> None:
        """Prepare the batch. Nothing is sent yet.

        Args:
            requests: the requests, consumed one at a time as there is room.
            submit: a function that submits a request, and does not wait while the service is full.
            concurrency: the maximum number of jobs in flight.

        Raises:
            WrongInput: the concurrency is less than 1, or the requests are a single one.
        """
        check_list("requests", requests)
        check_at_least(1, "concurrency", concurrency)
        self._left = (Unsent(index, request, str(uuid.uuid4())) for index, request in enumerate(requests))
        self._submit = submit
        self._concurrency = concurrency
        self._held: Unsent | None = None  # the next request, for which the service had no room
        self._full_until = 0.0
        self._in_flight: dict[int, tuple[Request, Job]] = {}

    def outcomes(self) -> Generator[RequestOutcome, None, None]:
        """Yield each request's outcome as soon as it has one; cancel the jobs in flight if closed."""
        try:
            while True:
                yield from self._start()
                if not self._in_flight and self._held is None:
                    return
                ended = [outcome for item in self._in_flight.items() if (outcome := _ended(*item))]
                for outcome in ended:
                    del self._in_flight[outcome.index]
                yield from ended
                if not ended:
                    time.sleep(POLL_S)
        finally:
            for _, job in self._in_flight.values():
                job.abandon()

    def _start(self) -> Iterator[RequestOutcome]:
        """Submit requests while there is room; yield those that are refused."""
        while len(self._in_flight) < self._concurrency and time.monotonic() >= self._full_until:
            unsent, self._held = self._held or next(self._left, None), None
            if unsent is None:
                return
            try:
                self._in_flight[unsent.index] = unsent.request, self._submit(unsent.request, unsent.key)
            except WritingError as error:
                if error.means_full:
                    self._held = unsent
                    self._full_until = time.monotonic() + (error.retry_after_s or FULL_PAUSE_S)
                else:
                    yield _failed(unsent.index, unsent.request, error)


def _ended(index: int, started: tuple[Request, Job]) -> RequestOutcome | None:
    """Return a job's outcome; None while it is waiting or running."""
    request, job = started
    try:
        view = job.view()
        return RequestOutcome(index, request, result=result_of(view)) if view.status.is_terminal else None
    except WritingError as error:
        return _failed(index, request, error)


def _failed(index: int, request: Request, error: WritingError) -> RequestOutcome:
    if error.concerns_all:
        raise error
    return RequestOutcome(index, request, error=error)
