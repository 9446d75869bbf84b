"""The queues: several for each priority, over which clients are spread.

Workers read a priority's queues in turn, so that a client with many jobs hardly delays the others: stochastic fairness
queueing (McKenney, INFOCOM 1990). Only clients that happen to share a queue wait for one another.
"""

from zlib import crc32

from shared.schemas import Priority

QUEUES_PER_PRIORITY = 16


def queue_of(priority: Priority, client: str) -> str:
    """Return the queue of a client's jobs; those without a client wait in one that is named as the priority."""
    return queues_of(priority)[crc32(client.encode()) % QUEUES_PER_PRIORITY]


def queues_of(priority: Priority) -> list[str]:
    """Return the names of a priority's queues."""
    return [priority.value, *(f"{priority.value}.{number}" for number in range(1, QUEUES_PER_PRIORITY))]


QUEUES = [queue for priority in Priority for queue in queues_of(priority)]
