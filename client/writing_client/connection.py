"""An HTTP session with the service: address, key, and retries of calls."""

import time
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urljoin

import requests
from pydantic import BaseModel, ValidationError
from requests.auth import AuthBase
from requests.exceptions import InvalidJSONError, InvalidProxyURL, InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import LocationParseError, LocationValueError

from writing_client.arguments import check_at_least, check_type
from writing_client.errors import UnexpectedAnswer, Unreachable, WritingError, WrongInput, refusal
from writing_client.session import open_session, proxy_of, without_password

# The pause between tries, doubled each time, unless the service gives one.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0
SHORTEST_TIMEOUT_S = 0.001  # requests takes 0 for a mistake
# requests lets urllib3's own error through where a label of the host is too long.
NO_ADDRESS = (InvalidURL, MissingSchema, InvalidSchema, LocationValueError)
PROXY_ADVICE = "add the service's host to no_proxy to reach it directly"
FULL = frozenset({requests.codes.too_many_requests})
# A component is temporarily unavailable; a reverse proxy reports the service itself so.
OUTAGES = frozenset({requests.codes.bad_gateway, requests.codes.service_unavailable, requests.codes.gateway_timeout})
TRANSIENT = FULL | OUTAGES

Answer = TypeVar("Answer", bound=BaseModel)


class BearerKey(AuthBase):
    """Adds an API key to requests. As a session's `auth`, it takes precedence over ~/.netrc, unlike a header."""

    def __init__(self, api_key: str) -> None:
        self._header = header_value("the API key", f"Bearer {api_key}")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = self._header
        return request


class Connection:
    """A session with one service. It is not thread-safe."""

    def __init__(self, url: str, api_key: str | None, *, timeout_s: float, retry_s: float) -> None:
        """Open a session. Nothing is sent yet.

        Args:
            url: the service's URL.
            api_key: sent as ``Authorization: Bearer``, without surrounding whitespace; None to send none.
            timeout_s: how long to wait for a response, in seconds.
            retry_s: how long to retry a call, in seconds; 0 for a single try.

        Raises:
            WrongInput: the key contains a character that no key has, or a time is no number of seconds.
        """
        check_at_least(SHORTEST_TIMEOUT_S, "timeout_s", timeout_s)
        check_at_least(0, "retry_s", retry_s)
        self.url = url.strip().rstrip("/")
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._session = open_session()
        if key := (api_key or "").strip():
            self._session.auth = BearerKey(key)

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def fetch(self, answer: type[Answer], method: str, path: str, **arguments: Any) -> Answer:
        """Call the service, and return its answer as a model. Arguments and errors are those of `call`.

        Raises:
            UnexpectedAnswer: the answer is not such a model.
        """
        response = self.call(method, path, **arguments)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise self._unexpected() from error

    def download(self, media_type: str, method: str, path: str, **arguments: Any) -> bytes:
        """Call the service, and return the file that it answers with. Arguments and errors are those of `call`.

        Raises:
            UnexpectedAnswer: the answer has another media type.
        """
        response = self.call(method, path, **arguments)
        if response.headers.get("Content-Type", "").partition(";")[0].strip() != media_type:
            raise self._unexpected()
        return response.content

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        params: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        is_retried: bool = True,
        transient: frozenset[int] = TRANSIENT,
    ) -> requests.Response:
        """Call the service, retrying for `retry_s` if it is unreachable or answers with a status in `transient`.

        Every call must be safe to repeat, so a POST needs an Idempotency-Key.

        Raises:
            Unreachable: the service does not answer.
            WrongInput: the URL is not the service's, or the request cannot be sent.
            WritingError: the service refuses the call.
        """
        for name, value in (params or {}).items():
            if value is not None:  # requests would send a list as many parameters, of which the service reads one
                check_type(str, name, value)
        deadline = time.monotonic() + (self._retry_s if is_retried else 0)
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return self._call_once(method, path, json=json, data=data, params=params, headers=headers)
            except WritingError as error:
                is_transient = isinstance(error, Unreachable) or error.status in transient
                wait_s = max(pause_s, error.retry_after_s or 0)
                if not is_transient or time.monotonic() + wait_s > deadline:
                    raise
            time.sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def stream(self, path: str, *, silence_s: float, headers: Mapping[str, str]) -> requests.Response:
        """Open a streamed response, which the caller closes.

        Args:
            path: the path on the service.
            silence_s: the silence, in seconds, after which the connection counts as broken.
            headers: additional headers.

        Raises:
            Unreachable, WrongInput: as `call`.
        """
        return self._send("GET", path, stream=True, timeout=(self._timeout_s, silence_s), headers=dict(headers))

    def _call_once(self, method: str, path: str, **arguments: Any) -> requests.Response:
        response = self._send(method, path, timeout=self._timeout_s, **arguments)
        if not response.ok:
            raise refusal(response, proxy_of(self.url))
        return response

    def _send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request once, and return the response, unless it is a redirect."""
        try:
            # Following a redirect would turn a POST into a GET, and could send the key to another host.
            response = self._session.request(method, self.url + path, allow_redirects=False, **arguments)
        except InvalidJSONError as error:
            raise WrongInput(f"the request cannot be written as JSON ({error})") from error
        except InvalidProxyURL as error:
            raise self._unanswered(error) from error
        except NO_ADDRESS as error:
            shown = without_password(self.url)
            raise WrongInput(f"{shown!r} is not the address of a service, such as http://127.0.0.1:8600") from error
        except UnicodeError as error:
            raise WrongInput("the address or the request contains a character that cannot be sent") from error
        except requests.RequestException as error:
            raise self._unanswered(error) from error
        if response.is_redirect:
            raise self._moved(response, path)
        return response

    def _unanswered(self, error: requests.RequestException) -> Unreachable:
        """Return the error for a call without a response; a proxy's fault takes precedence over the service's."""
        shown, proxy = without_password(self.url), proxy_of(self.url)
        if proxy is None:
            return Unreachable(f"no response from {shown} ({_reason(error)})")
        return Unreachable(f"no response from {shown} through the proxy {proxy} ({_reason(error)}); {PROXY_ADVICE}")

    def _moved(self, response: requests.Response, path: str) -> WrongInput:
        target = without_password(urljoin(response.url, response.headers["Location"])).removesuffix(path)
        shown = without_password(self.url)
        return WrongInput(f"{shown} redirects to {target}; if the service is there, use that as its URL")

    def _unexpected(self) -> UnexpectedAnswer:
        return UnexpectedAnswer(f"{without_password(self.url)} answered, but not as the writing service does")


def header_value(name: str, value: str) -> str:
    """Return a header's value unchanged.

    Args:
        name: what the value is, for the error, which does not quote the value.
        value: the value.

    Raises:
        WrongInput: the value is blank, has a space at an end, or contains a character that cannot be sent.
    """
    if not (value.isascii() and value.isprintable()):
        raise WrongInput(f"{name} contains a character that cannot be sent; give printable ASCII characters only")
    if not value or value != value.strip():
        raise WrongInput(f"{name} is blank, or begins or ends with a space")
    return value


def _reason(error: Exception) -> str:
    """Return the innermost cause's message, since the outer ones contain object addresses."""
    causes = [error]
    while (cause := causes[-1].__context__) is not None and isinstance(cause, Exception):
        causes.append(cause)
    innermost = causes[-1]
    if isinstance(innermost, LocationParseError):
        return "the address is not valid"  # its message quotes a part of the address, which may be of a password
    return getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
