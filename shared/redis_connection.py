"""Connections to Redis that count a refused command as a lost connection, so that the client connects anew."""

import re
from typing import Any

import redis
from redis.exceptions import MasterDownError, OutOfMemoryError, ReadOnlyError, ResponseError

# What a replica answers, and a replica that has lost its master.
DEMOTED = frozenset({"READONLY", "MASTERDOWN"})
# redis-py has classes for some errors. Others begin with their code, and a script's error has it after a dash.
CLASSES = {"READONLY": ReadOnlyError, "MASTERDOWN": MasterDownError, "OOM": OutOfMemoryError}
CODE = re.compile(r"(?:^|: -)([A-Z]+) ")


class RefusalIsLoss:
    """A connection that reports some errors as its loss.

    By default, these are the errors of a server that was the master. Its connections stay healthy after a failover
    behind a virtual address or a proxy, but only a new connection reaches the new master.
    """

    refusals = DEMOTED

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Return the answer to a command.

        Raises:
            redis.ConnectionError: Redis refuses it for the moment.
        """
        try:
            answer = super().read_response(*args, **options)  # type: ignore[misc]  # a mixin of a connection
        except ResponseError as error:
            self._check(error)
            raise
        for part in answer if isinstance(answer, list) else ():  # of a transaction
            self._check(part)
        return answer

    def _check(self, answer: object) -> None:
        if isinstance(answer, ResponseError) and self.refusals & _codes(answer):
            raise redis.ConnectionError(f"Redis refuses a command: {answer}") from answer


def _codes(error: ResponseError) -> set[str]:
    return {code for code, kind in CLASSES.items() if isinstance(error, kind)} | set(CODE.findall(str(error)))


class PlainConnection(RefusalIsLoss, redis.Connection):
    """A connection without TLS."""


class EncryptedConnection(RefusalIsLoss, redis.SSLConnection):
    """A connection with TLS."""
