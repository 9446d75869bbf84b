"""Statistics of ended jobs: failures by code and the latest failures, as written by ``lua/parts/completion.lua``."""

from typing import cast

import redis
from pydantic import ValidationError

from shared.queue.keys import Key
from shared.schemas import RecentFailure


def failure_codes(client: redis.Redis) -> dict[str, int]:
    """Return how many jobs failed, by error code."""
    return {code: int(count) for code, count in cast("dict[str, str]", client.hgetall(Key.FAILURE_CODES)).items()}


def recent_failures(client: redis.Redis) -> list[RecentFailure]:
    """Return the latest failures, newest first."""
    kept = cast("list[str]", client.lrange(Key.RECENT_FAILURES, 0, -1))
    return [failure for failure in map(_read_failure, kept) if failure is not None]


def _read_failure(text: str) -> RecentFailure | None:
    """Return a failure; None if another version wrote it in a format that this version cannot read."""
    try:
        return RecentFailure.model_validate_json(text, extra="ignore")
    except ValidationError:
        return None
