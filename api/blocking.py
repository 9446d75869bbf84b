"""Calls that gevent cannot make wait by itself, such as those of native code: they would stop the whole process."""

from collections.abc import Callable
from typing import TypeVar

import gevent

T = TypeVar("T")


def in_thread(act: Callable[[], T]) -> T:
    """Make a call in a native thread of gevent's pool, while others are served; return or raise what it does."""
    answers: list[T] = []
    errors: list[Exception] = []

    def call() -> None:
        try:
            answers.append(act())
        except Exception as error:  # noqa: BLE001  # the thread's boundary: gevent would print what the caller handles
            errors.append(error)

    gevent.get_hub().threadpool.apply(call)
    if errors:
        raise errors[0]
    return answers[0]
