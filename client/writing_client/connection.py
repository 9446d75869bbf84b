"""An HTTP session with the service: address, key, and retries of calls."""

import time
from collections.abc import Mapping
from typing import Any

import requests

from writing_client.errors import Unreachable, WritingError, WrongInput, refusal
from writing_client.session import open_session, proxy_of

# The pause between tries, doubled each time, unless the service gives one.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0
NO_ADDRESS = (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema)
PROXY_ADVICE = "add the service's host to no_proxy to reach it directly"
# The service is full, or a component is temporarily unavailable.
PASSING = frozenset({requests.codes.too_many_requests, requests.codes.service_unavailable})


class Connection:
    """A session with one service. It is not thread-safe."""

    def __init__(self, url: str, api_key: str | None, *, timeout_s: float, retry_s: float) -> None:
        """Open a session. Nothing is sent yet.

        Args:
            url: the service's URL.
            api_key: sent as ``Authorization: Bearer``; None to send none.
            timeout_s: how long to wait for a response, in seconds.
            retry_s: how long to retry a call, in seconds; 0 for a single try.
        """
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._session = open_session()
        if api_key:
            self._session.headers["Authorization"] = f"Bearer {api_key}"

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_retried: bool = True,
    ) -> requests.Response:
        """Call the service, retrying for `retry_s` if it is unreachable or answers 429 or 503.

        Every call must be safe to repeat, so a POST needs an Idempotency-Key.

        Raises:
            Unreachable: the service does not answer.
            WrongInput: the URL is not valid.
            WritingError: the service refuses the call.
        """
        deadline = time.monotonic() + (self._retry_s if is_retried else 0)
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return self._call_once(method, path, json=json, data=data, params=params, headers=headers)
            except WritingError as error:
                is_passing = isinstance(error, Unreachable) or error.status in PASSING
                wait_s = max(pause_s, error.retry_after_s or 0)
                if not is_passing or time.monotonic() + wait_s > deadline:
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
            requests.RequestException: the service does not answer.
        """
        return self._session.get(
            self.url + path, stream=True, timeout=(self._timeout_s, silence_s), headers=dict(headers)
        )

    def _call_once(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            response = self._session.request(method, self.url + path, timeout=self._timeout_s, **arguments)
        except requests.RequestException as error:
            raise self._unanswered(error) from error
        if not response.ok:
            raise refusal(response, proxy_of(self.url))
        return response

    def _unanswered(self, error: requests.RequestException) -> WritingError:
        """Return the error for a call without a response; a proxy's fault takes precedence over the service's."""
        is_address = isinstance(error, NO_ADDRESS) and not isinstance(error, requests.exceptions.InvalidProxyURL)
        proxy = None if is_address else proxy_of(self.url)
        if proxy is not None:
            return Unreachable(
                f"no response from {self.url} through the proxy {proxy} ({_reason(error)}); {PROXY_ADVICE}"
            )
        if is_address:
            return WrongInput(f"{self.url!r} is not the address of a service ({error})")
        return Unreachable(f"no response from {self.url} ({_reason(error)})")


def _reason(error: Exception) -> str:
    """Return the innermost cause's message, since the outer ones contain object addresses."""
    causes = [error]
    while (cause := causes[-1].__context__) is not None and isinstance(cause, Exception):
        causes.append(cause)
    innermost = causes[-1]
    return getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
