"""Waiting while the service is full."""

import time
from collections.abc import Callable
from typing import TypeVar

from writing_client.errors import WritingError

FULL_PAUSE_S = 1.0  # until the next try, if the answer has no Retry-After

OnFull = Callable[[WritingError], object]
Answer = TypeVar("Answer")


def patiently(call: Callable[[], Answer], on_full: OnFull | None = None) -> Answer:
    """Repeat a call while the service is full or the rate limit is reached, and return its answer.

    Args:
        call: raises the service's error; any other one ends it.
        on_full: called with each error before the wait.
    """
    while True:
        try:
            return call()
        except WritingError as error:
            if not error.means_full:
                raise
            if on_full is not None:
                on_full(error)
            time.sleep(error.retry_after_s or FULL_PAUSE_S)
