"""kombu's Redis transport, hardened against a full Redis and malformed messages."""

import logging
from queue import Empty
from typing import Any

import redis
from kombu.transport.redis import Channel, Transport

logger = logging.getLogger(__name__)


class TolerantChannel(Channel):  # type: ignore[misc]  # kombu is untyped
    """Reads queues and discards malformed messages, which would end the worker with kombu's own channel."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (ValueError, TypeError, LookupError, AttributeError):
            logger.exception("discarded something in a queue that is not a message")
            raise Empty from None


def harden_transport() -> None:
    """Make all connections of this process tolerant. Safe to repeat."""
    Transport.Channel = TolerantChannel
    # A full Redis refuses even an acknowledgement. Treat that as a lost connection, which a worker survives, and not as
    # an unknown error, which ends it.
    if redis.exceptions.OutOfMemoryError not in Transport.connection_errors:
        Transport.connection_errors = (*Transport.connection_errors, redis.exceptions.OutOfMemoryError)
