"""The rate limit on each client's costly calls, by the pictures that they may draw, counted in Redis."""

import math
import time

import limits
from flask import Flask, Response, current_app, g, request
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter

from api.caller import caller
from shared.errors import RateLimited, SettingsError
from shared.redis_client import make_pool
from shared.schemas import DrawingOptions, GenerationRequest
from shared.settings import RedisSettings

# The calls that cost GPU time, or seconds of the API's CPU time. Each counts once when it begins, and its further
# pictures once it has been read. A batch counts each request itself.
LIMITED_ENDPOINTS = frozenset({"jobs.submit", "decks.create", "word_lists.read", "anki_packages.bind"})


class RateLimit:
    """A limit on each client's calls, by the name of its key, or by its address if there are no keys."""

    def __init__(self, rate: str, settings: RedisSettings) -> None:
        """Parse a rate such as "60/minute" or "10/second;500/hour".

        Raises:
            SettingsError: the rate is not valid.
        """
        self._limits = _parse(rate)
        storage = RedisStorage(settings.url, connection_pool=make_pool(settings), key_prefix=settings.prefix + "LIMITS")
        self._counter = FixedWindowRateLimiter(storage)

    def apply(self, app: Flask) -> None:
        """Start counting calls, and report in their responses how many are left."""
        app.extensions["rate_limit"] = self
        app.before_request(self._count_call)
        app.after_request(self._add_headers)

    def _count_call(self) -> None:
        if request.endpoint in LIMITED_ENDPOINTS and request.method == "POST":
            self.count()

    def count(self, pictures: int = 1, *, counted: int = 0) -> None:
        """Count a submission of the current request's client.

        Args:
            pictures: how many it may draw. More than a limit's whole amount count as that amount, so that a large deck
                can be sent at all.
            counted: how many of them have been counted already, when the call began.

        Raises:
            RateLimited: the client has exceeded its limit.
            redis.RedisError: Redis does not answer, so a job could not be accepted either.
        """
        for limit in self._limits:
            cost = min(pictures, limit.amount) - counted
            if cost > 0:
                self._take(limit, cost)

    def _take(self, limit: limits.RateLimitItem, cost: int) -> None:
        client = caller()
        # A hit counts even if it is refused, and then a deck that does not fit would leave nothing for single words.
        is_within = self._counter.test(limit, client, cost=cost) and self._counter.hit(limit, client, cost=cost)
        ends_at, left = self._counter.get_window_stats(limit, client)
        if not is_within or left <= getattr(g, "rate_left", (left,))[0]:
            g.rate_left = (left, limit.amount, math.ceil(ends_at))
        if not is_within:
            wait_s = max(1, math.ceil(ends_at - time.time()))
            message = f"the limit of each client is {limit}, in pictures, lists and packages"
            raise RateLimited(message, retry_after_s=wait_s)

    @staticmethod
    def _add_headers(response: Response) -> Response:
        if "rate_left" in g:
            left, amount, ends_at = g.rate_left
            response.headers["X-RateLimit-Limit"] = str(amount)
            response.headers["X-RateLimit-Remaining"] = str(left)
            response.headers["X-RateLimit-Reset"] = str(ends_at)
        return response


def count_submission() -> None:
    """Count one of several submissions in the current request; raises the errors of `RateLimit.count`."""
    if (limit := _limit_in_use()) is not None:
        limit.count()


def count_pictures(options: DrawingOptions, words: int = 1) -> None:
    """Count the further pictures of a submission that has counted as one; raises the errors of `RateLimit.count`."""
    attempts = options.legibility.max_attempts if options.legibility else 1
    variations = options.variations if isinstance(options, GenerationRequest) else 1
    if (limit := _limit_in_use()) is not None:
        limit.count(words * variations * attempts, counted=1)


def _limit_in_use() -> RateLimit | None:
    limit: RateLimit | None = current_app.extensions.get("rate_limit")
    return limit


def _parse(rate: str) -> list[limits.RateLimitItem]:
    try:
        parsed = limits.parse_many(rate)
    except ValueError as error:
        raise SettingsError(
            f'api.rate_limit: {rate!r} is not a rate; give one such as "60/minute" or "10/second;500/hour"'
        ) from error
    if any(limit.amount < 1 for limit in parsed):
        raise SettingsError(f"api.rate_limit: {rate!r} would allow no calls")
    return parsed
