"""The order in which a worker reads the queues: interactive first, but bulk every n-th time, so bulk never starves.

kombu finds the order by a name, which Celery's `inspect stats` and Flower can show as JSON.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial

from shared.schemas import Priority

NAME = re.compile(r"bulk_every_(\d+)")


class WeightedCycle:
    """kombu's queue order.

    kombu creates one instance per channel. It calls `consume` for the order of the next read, and `rotate` with the
    queue that the message came from.
    """

    def __init__(self, bulk_every: int) -> None:
        self._bulk_every = bulk_every
        self._taken = 0
        self._interactive_first: list[str] = []

    def update(self, queues: Iterable[str]) -> None:
        """Set the channel's queues."""
        self._interactive_first = sorted(queues, key=lambda queue: queue != Priority.INTERACTIVE)

    def consume(self, count: int) -> list[str]:
        """Return the queues in the order in which Redis should check them."""
        is_bulk_turn = self._taken % self._bulk_every == self._bulk_every - 1
        order = self._interactive_first[::-1] if is_bulk_turn else self._interactive_first
        return order[:count]

    def rotate(self, last_used: str) -> None:
        """Count a message that was read."""
        self._taken += 1


def order_name(bulk_every: int) -> str:
    """Return the name by which kombu finds a `WeightedCycle` with this setting."""
    return f"{__name__}:bulk_every_{bulk_every}"


def __getattr__(name: str) -> Callable[[], WeightedCycle]:
    """Return a factory for the order that `order_name` named; kombu imports it as if this module defined it."""
    match = NAME.fullmatch(name)
    if match is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(WeightedCycle, int(match[1]))
