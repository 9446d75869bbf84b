"""kombu's Redis transport, hardened against a Redis that refuses commands and against malformed messages.

A queue is a list that is read from its right end, and new messages are added at its left end.
"""

import logging
from queue import Empty
from typing import Any

import redis
from kombu.transport.redis import Channel, QoS, Transport
from kombu.utils.json import dumps

from shared.queue.keys import Key
from shared.redis_connection import DEMOTED, RefusalIsLoss

logger = logging.getLogger(__name__)

GOES_FIRST = "goes_first"  # a header: the message is read before all others of its queue

# And a Redis that is full, cannot write to its disk, has too few replicas, or became a replica while a client waited.
REFUSALS = DEMOTED | {"OOM", "MISCONF", "NOREPLICAS", "UNBLOCKED"}


class EveryRefusalIsLoss(RefusalIsLoss):
    """Reports a Redis that refuses a command for the moment as a lost connection.

    Celery reconnects after a lost connection, but ends the worker after an unknown error.
    """

    refusals = REFUSALS

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Try to write, since Celery pauses before it reconnects only if connecting failed.

        Raises:
            redis.ConnectionError: Redis refuses it for the moment.
        """
        super().on_connect_check_health(check_health)  # type: ignore[misc]
        self.send_command("SET", Key.TRIAL, "", "PX", 1, check_health=False)  # type: ignore[attr-defined]
        self.read_response()


class PlainConnection(EveryRefusalIsLoss, redis.Connection):
    """A connection without TLS."""


class EncryptedConnection(EveryRefusalIsLoss, redis.SSLConnection):
    """A connection with TLS."""


class TolerantQoS(QoS):  # type: ignore[misc]  # kombu is untyped
    """Counts the messages that a worker holds, and none that Redis refused to have acknowledged.

    With kombu's own class, a worker whose acknowledgements were all refused would never read again.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message. If that fails, it is delivered again later, when its job has long ended.

        Raises:
            redis.RedisError: Redis does not answer, or refuses it.
        """
        try:
            super().ack(delivery_tag)
        finally:
            self._quick_ack(delivery_tag)


class TolerantChannel(Channel):  # type: ignore[misc]  # kombu is untyped
    """Reads queues and discards malformed messages, which would end the worker with kombu's own channel.

    Messages that wait again are read before those that have not been read yet.
    """

    QoS = TolerantQoS
    connection_class = PlainConnection
    connection_class_ssl = EncryptedConnection

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (ValueError, TypeError, LookupError, AttributeError):
            logger.exception("discarded something in a queue that is not a message")
            raise Empty from None

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        if not message.get("headers", {}).get(GOES_FIRST):
            super()._put(queue, message, **options)
            return
        key = self._q_for_pri(queue, self._get_message_priority(message, reverse=False))
        with self.conn_or_acquire() as client:
            client.rpush(key, dumps(message))

    def _do_restore_message(self, *message: Any, leftmost: bool = False) -> None:
        """Return a message to the right end, also when a task rejected it; kombu's own channel would read it last."""
        super()._do_restore_message(*message[:4])


def harden_transport() -> None:
    """Make all connections of this process tolerant. Safe to repeat."""
    Transport.Channel = TolerantChannel
