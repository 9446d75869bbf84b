"""How long a worker keeps trying to end a job while Redis or the object store is unavailable.

A finished job must not be lost.
"""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

import redis
from kombu.exceptions import OperationalError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_fixed

logger = logging.getLogger("generation")

T = TypeVar("T")

GIVE_UP_AFTER_S: Final = 300.0
PAUSE_S: Final = 0.5
LOG_EVERY: Final = 20  # attempts, that is ten seconds: many jobs may wait at the same time


def retry_for_five_minutes(call: Callable[[], T]) -> T:
    """Return the call's value. Retry while Redis or the object store is unavailable.

    Raises:
        TypeError: Redis can never store what the call sends.
        redis.RedisError, kombu.exceptions.OperationalError, StoreUnavailable: unavailable for `GIVE_UP_AFTER_S`.
    """
    policy = Retrying(
        retry=retry_if_exception(_is_away),
        stop=stop_after_delay(GIVE_UP_AFTER_S),
        wait=wait_fixed(PAUSE_S),
        before_sleep=_log,
        reraise=True,
    )
    try:
        return policy(call)
    except redis.DataError as error:
        # Data that cannot be encoded now never can, so the job must fail. A RedisError would leave it to the reaper.
        raise TypeError(str(error)) from error


def _is_away(error: BaseException) -> bool:
    return isinstance(error, redis.RedisError | OperationalError | OSError) and not isinstance(error, redis.DataError)


def _log(state: RetryCallState) -> None:
    if state.attempt_number % LOG_EVERY != 1:
        return
    error = state.outcome.exception() if state.outcome is not None else None
    logger.warning("no response; retrying: %s", error)
