"""kombu's Redis transport, hardened against a Redis that refuses commands and against malformed messages."""

import logging
from queue import Empty
from typing import Any

import redis
from kombu.transport.redis import Channel, Transport
from redis.exceptions import MasterDownError, OutOfMemoryError, ReadOnlyError, ResponseError

logger = logging.getLogger(__name__)

# A full Redis, a replica, and a replica that has lost its master.
REFUSALS = (OutOfMemoryError, ReadOnlyError, MasterDownError)
# Errors without a class of their own: Redis cannot write to its disk, or has too few replicas.
REFUSAL_CODES = ("MISCONF", "NOREPLICAS")


class RefusalIsLoss:
    """Reports a Redis that refuses a command for the moment as a lost connection.

    Celery reconnects after a lost connection, but ends the worker after an unknown error. After a failover,
    reconnecting also reaches the new master.
    """

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Return the answer to a command.

        Raises:
            redis.ConnectionError: Redis refuses it for the moment.
        """
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]  # a mixin of a connection
        except ResponseError as error:
            if isinstance(error, REFUSALS) or str(error).startswith(REFUSAL_CODES):
                raise redis.ConnectionError(f"Redis refuses a command: {error}") from error
            raise


class PlainConnection(RefusalIsLoss, redis.Connection):
    """A connection without TLS."""


class EncryptedConnection(RefusalIsLoss, redis.SSLConnection):
    """A connection with TLS."""


class TolerantChannel(Channel):  # type: ignore[misc]  # kombu is untyped
    """Reads queues and discards malformed messages, which would end the worker with kombu's own channel."""

    connection_class = PlainConnection
    connection_class_ssl = EncryptedConnection

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (ValueError, TypeError, LookupError, AttributeError):
            logger.exception("discarded something in a queue that is not a message")
            raise Empty from None


def harden_transport() -> None:
    """Make all connections of this process tolerant. Safe to repeat."""
    Transport.Channel = TolerantChannel
