"""The order in which a worker reads the queues.

Interactive queues go first, but bulk ones every n-th time, so bulk never starves. Queues of the same priority take
turns, so that a client does not wait for all of another's jobs.

kombu finds the order by a name, which Celery's `inspect stats` and Flower can show as JSON.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial

from shared.queue.client_queues import queues_of
from shared.schemas import Priority

NAME = re.compile(r"bulk_every_(\d+)")
BULK = frozenset(queues_of(Priority.BULK))


class WeightedCycle:
    """kombu's queue order.

    kombu creates one instance per channel. It calls `consume` for the order of the next read, and `rotate` with the
    queue that the message came from.
    """

    def __init__(self, bulk_every: int) -> None:
        self._bulk_every = bulk_every
        self._taken = 0
        self._longest_unread_first: list[str] = []

    def update(self, queues: Iterable[str]) -> None:
        """Set the channel's queues."""
        self._longest_unread_first = list(queues)

    def consume(self, count: int) -> list[str]:
        """Return the queues in the order in which Redis should check them."""
        is_bulk_turn = self._taken % self._bulk_every == self._bulk_every - 1
        return sorted(self._longest_unread_first, key=lambda queue: (queue in BULK) is not is_bulk_turn)[:count]

    def rotate(self, last_used: str) -> None:
        """Count a message that was read."""
        self._taken += 1
        if last_used in self._longest_unread_first:
            self._longest_unread_first.remove(last_used)
            self._longest_unread_first.append(last_used)


def order_name(bulk_every: int) -> str:
    """Return the name by which kombu finds a `WeightedCycle` with this setting."""
    return f"{__name__}:bulk_every_{bulk_every}"


def __getattr__(name: str) -> Callable[[], WeightedCycle]:
    """Return a factory for the order that `order_name` named; kombu imports it as if this module defined it."""
    match = NAME.fullmatch(name)
    if match is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(WeightedCycle, int(match[1]))
