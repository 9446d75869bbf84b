"""The jobs that have a message, read from kombu's own data in Redis. No other module reads that data.

A queue is a list of messages under its name. The hash ``unacked`` holds those that were delivered but not acknowledged.
"""

import json
import logging
from collections.abc import Iterable
from typing import cast

import redis

from shared.queue.client_queues import QUEUES
from shared.queue.keys import Key, queue_key

logger = logging.getLogger(__name__)


class JobMessages:
    """Reads jobs' messages. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def queued(self) -> set[str]:
        """Return the ids of the jobs whose message waits in a queue."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for queue in QUEUES:
                pipeline.lrange(queue_key(queue), 0, -1)
            return _job_ids(message for messages in pipeline.execute() for message in messages)

    def delivered(self) -> set[str]:
        """Return the ids of the jobs whose message was delivered but not acknowledged."""
        return _job_ids(cast("list[str]", self._redis.hvals(Key.UNACKED)))


def _job_ids(messages: Iterable[str]) -> set[str]:
    """Return the ids of the jobs that messages belong to; skip anything that is not a job's message."""
    found = set()
    for text in messages:
        try:
            message = json.loads(text)
            found.add(str((message[0] if isinstance(message, list) else message)["headers"]["id"]))
        except (ValueError, LookupError, TypeError):
            logger.debug("not a job's message: %.100s", text)
    return found
