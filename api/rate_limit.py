"""How many jobs a client may send in a time, counted in Redis for all processes."""

import math
import time

import limits
import redis
from flask import Flask, Response, current_app, g, request
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.errors import RateLimited, SettingsError
from shared.settings import RedisSettings
from shared.tls import tls_options

# The calls that cost a GPU's time. A deck counts once: its jobs are bulk. A batch counts each of its requests itself.
LIMITED_ENDPOINTS = frozenset({"jobs.submit", "decks.create"})


class RateLimit:
    """Counts the submissions of each client, by its key's name, or by its address where there are no keys."""

    def __init__(self, rate: str, settings: RedisSettings) -> None:
        """Take a rate such as "60/minute" or "10/second;500/hour".

        Raises:
            SettingsError: it is none.
        """
        self._limits = _parse(rate)
        storage = RedisStorage(
            settings.url,
            socket_timeout=settings.timeout_s,
            socket_connect_timeout=settings.timeout_s,
            **tls_options(settings),
            key_prefix=settings.prefix + "LIMITS",
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),  # type: ignore[arg-type]  # redis-py's
        )
        self._counter = FixedWindowRateLimiter(storage)

    def apply(self, app: Flask) -> None:
        """Count submissions from now on, and tell in their answers how many are left."""
        app.extensions["rate_limit"] = self
        app.before_request(self._count_call)
        app.after_request(self._tell)

    def _count_call(self) -> None:
        if request.endpoint in LIMITED_ENDPOINTS and request.method == "POST":
            self.count()

    def count(self) -> None:
        """Count a submission of the present request's client.

        Raises:
            RateLimited: there were too many.
            redis.RedisError: Redis does not answer, so that the submission could not be taken either.
        """
        client = g.client or request.remote_addr or ""
        for limit in self._limits:
            is_within = self._counter.hit(limit, client)
            ends_at, left = self._counter.get_window_stats(limit, client)
            if not is_within or left <= getattr(g, "rate_left", (left,))[0]:
                g.rate_left = (left, limit.amount, math.ceil(ends_at))
            if not is_within:
                wait_s = max(1, math.ceil(ends_at - time.time()))
                raise RateLimited(f"at most {limit} for one client", retry_after_s=wait_s)

    @staticmethod
    def _tell(response: Response) -> Response:
        if "rate_left" in g:
            left, amount, ends_at = g.rate_left
            response.headers["X-RateLimit-Limit"] = str(amount)
            response.headers["X-RateLimit-Remaining"] = str(left)
            response.headers["X-RateLimit-Reset"] = str(ends_at)
        return response


def count_submission() -> None:
    """Count one submission of several in the present request; raises as `RateLimit.count`."""
    limit: RateLimit | None = current_app.extensions.get("rate_limit")
    if limit is not None:
        limit.count()


def _parse(rate: str) -> list[limits.RateLimitItem]:
    try:
        parsed = limits.parse_many(rate)
    except ValueError as error:
        raise SettingsError(
            f'api.rate_limit: {rate!r} is no rate such as "60/minute" or "10/second;500/hour"'
        ) from error
    if any(limit.amount < 1 for limit in parsed):
        raise SettingsError(f"api.rate_limit: {rate!r} would let nobody send anything")
    return parsed
