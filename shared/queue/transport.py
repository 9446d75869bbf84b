"""kombu's Redis transport, hardened against a Redis that refuses commands and against malformed messages."""

import logging
import re
from queue import Empty
from typing import Any

import redis
from kombu.transport.redis import Channel, Transport
from redis.exceptions import MasterDownError, OutOfMemoryError, ReadOnlyError, ResponseError

from shared.queue.keys import Key

logger = logging.getLogger(__name__)

# A full Redis, a replica, and a replica that has lost its master.
REFUSALS = (OutOfMemoryError, ReadOnlyError, MasterDownError)
# These and others by their code, which a script's error has after a dash. The others: Redis cannot write to its disk,
# has too few replicas, or became a replica while a client waited for a message.
REFUSAL_CODE = re.compile(r"(^|: -)(OOM|READONLY|MASTERDOWN|MISCONF|NOREPLICAS|UNBLOCKED) ")


class RefusalIsLoss:
    """Reports a Redis that refuses a command for the moment as a lost connection.

    Celery reconnects after a lost connection, but ends the worker after an unknown error. After a failover,
    reconnecting also reaches the new master.
    """

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Try to write, since Celery pauses before it reconnects only if connecting failed.

        Raises:
            redis.ConnectionError: Redis refuses it for the moment.
        """
        super().on_connect_check_health(check_health)  # type: ignore[misc]
        self.send_command("SET", Key.TRIAL, "", "PX", 1, check_health=False)  # type: ignore[attr-defined]
        self.read_response()

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Return the answer to a command.

        Raises:
            redis.ConnectionError: Redis refuses it for the moment.
        """
        try:
            answer = super().read_response(*args, **options)  # type: ignore[misc]  # a mixin of a connection
        except ResponseError as error:
            _check(error)
            raise
        for part in answer if isinstance(answer, list) else ():  # of a transaction
            _check(part)
        return answer


def _check(answer: object) -> None:
    """Raise `redis.ConnectionError` if an answer is a refusal."""
    if isinstance(answer, REFUSALS) or (isinstance(answer, ResponseError) and REFUSAL_CODE.search(str(answer))):
        raise redis.ConnectionError(f"Redis refuses a command: {answer}") from answer


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
