"""The errors that a call to the service can raise. All are `WritingError`.

`code` is the service's code (docs/reference/http-api.md).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import requests

from writing_client.models import JobError
from writing_client.session import without_password

LONGEST_RETRY_AFTER_S = 86_400.0  # a day; a longer one is a mistake of an intermediary


class WritingError(Exception):
    """The service refused a call, or could not carry it out.

    Attributes:
        code: a stable code that programs may rely on.
        title: the meaning of the code, the same at every occurrence.
        detail: what happened this time.
        field: the field of the request at fault, if there is one.
        status: the HTTP status; None if there was no response, or the job itself failed.
        retry_after_s: how long the service asks to wait before another try, in seconds.
        errors: every fault, if there are several, with its `field`, `code` and `message`.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str = "internal_error",
        title: str = "",
        field: str | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.title = title
        self.detail = detail
        self.field = field
        self.status = status
        self.retry_after_s = retry_after_s
        self.errors = tuple(errors)

    @property
    def concerns_all(self) -> bool:
        """Whether any other call would fail likewise: the service does not answer, or the API key is wrong."""
        return isinstance(self, Unreachable) or self.status == HTTPStatus.UNAUTHORIZED

    @property
    def means_full(self) -> bool:
        """Whether the service has no room now, or the rate limit is reached: nothing is wrong with the call."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS


class Unreachable(WritingError):
    """The service does not answer at its address."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="unreachable", title="The service does not answer.")


class WrongInput(WritingError):
    """A file or an argument that was given cannot be used."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="wrong_input", title="The file or the argument cannot be used.")


class UnexpectedAnswer(WritingError):
    """Something answered, but not as the writing service does: another program, or an intermediary."""

    def __init__(self, detail: str, *, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(
            detail,
            code="unexpected_answer",
            title="The answer is not the writing service's.",
            status=status,
            retry_after_s=retry_after_s,
        )


class WaitTimedOut(WritingError, TimeoutError):
    """A job or a deck did not end within the given time. It continues, except that `generate` cancels its job."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="wait_timed_out", title="The job or the deck did not end in time.")


class JobFailed(WritingError):
    """The job ended without a picture."""

    @classmethod
    def of(cls, error: JobError | None) -> "JobFailed":
        """Return a job's own error."""
        if error is None:
            return cls("the job failed without giving a reason", code="generation_failed")
        return cls(error.detail, code=error.code, title=error.title, field=error.field)


class JobCancelled(WritingError):
    """The job was cancelled."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="cancelled", title="The job was cancelled.")


def refusal(response: requests.Response, proxy: str | None = None) -> WritingError:
    """Return an unsuccessful response as an error; one without problem+json comes from an intermediary."""
    document = _problem(response)
    retry_after_s = _seconds(response.headers.get("Retry-After"))
    if "code" not in document:
        between = f" (through the proxy {proxy})" if proxy else ""
        answered = f"{without_password(response.url)} answered {response.status_code} {response.reason}{between}"
        return UnexpectedAnswer(answered, status=response.status_code, retry_after_s=retry_after_s)
    return WritingError(
        str(document.get("detail") or response.reason),
        code=str(document["code"]),
        title=str(document.get("title") or response.reason),
        field=document.get("field"),
        status=response.status_code,
        retry_after_s=retry_after_s,
        errors=document.get("errors") or (),
    )


def _problem(response: requests.Response) -> Mapping[str, Any]:
    """Return a response's problem document; an empty one if it has none."""
    if "json" not in response.headers.get("Content-Type", ""):
        return {}
    try:
        document = response.json()
    except requests.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _seconds(header: str | None) -> float | None:
    """Return the seconds that Retry-After asks to wait, as a number or a date; None if it is neither."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return min(float(header), LONGEST_RETRY_AFTER_S)
    try:  # an intermediary may send a date
        left = parsedate_to_datetime(header) - datetime.now(UTC)
    except (ValueError, TypeError):
        return None
    return min(max(0.0, left.total_seconds()), LONGEST_RETRY_AFTER_S)
