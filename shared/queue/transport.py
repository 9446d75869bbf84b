"""kombu's Redis transport, made to outlive a full Redis and messages that are none."""

import logging
from queue import Empty
from typing import Any

import redis
from kombu.transport.redis import Channel, Transport

logger = logging.getLogger(__name__)


class TolerantChannel(Channel):  # type: ignore[misc]  # kombu is untyped
    """Reads queues. What somebody else has put there is thrown away: kombu's own channel would end the worker by it."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (ValueError, TypeError, LookupError, AttributeError):
            logger.exception("thrown away: something in a queue that is no message")
            raise Empty from None


def harden_transport() -> None:
    """Let all connections of this process be tolerant. Safe to repeat."""
    Transport.Channel = TolerantChannel
    # A full Redis refuses even an acknowledgement. To a worker that shall be a Redis that is away, which it outlives,
    # and no unknown error, of which it ends.
    if redis.exceptions.OutOfMemoryError not in Transport.connection_errors:
        Transport.connection_errors = (*Transport.connection_errors, redis.exceptions.OutOfMemoryError)
