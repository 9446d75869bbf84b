"""Blocking calls that gevent cannot patch, such as those into native code, which would block the whole process."""

from collections.abc import Callable
from typing import TypeVar

import gevent

T = TypeVar("T")


def in_thread(function: Callable[[], T]) -> T:
    """Run a call in a thread of gevent's native pool, so other requests are served; return its result or raise."""
    answers: list[T] = []
    errors: list[Exception] = []

    def call() -> None:
        try:
            answers.append(function())
        except Exception as error:  # noqa: BLE001  # the thread's boundary: gevent would print the error
            errors.append(error)

    gevent.get_hub().threadpool.apply(call)
    if errors:
        raise errors[0]
    return answers[0]
