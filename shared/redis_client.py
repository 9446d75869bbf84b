"""A Redis client that fails fast: callers answer "unavailable" within two seconds instead of hanging."""

import logging
import time
from queue import LifoQueue
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from shared.errors import SettingsError
from shared.queue.keys import Key
from shared.redis_connection import EncryptedConnection, PlainConnection
from shared.settings import RedisSettings
from shared.tls import tls_options

logger = logging.getLogger(__name__)

# Hundreds of concurrent callers share these: waiting for one is faster than opening a connection for each caller.
MAX_CONNECTIONS = 32
CONNECTION_WAIT_S = 5
# For this long after one caller's timeout, other callers fail without trying.
SILENCE_S = 0.2
NO_EVICTION = "noeviction"
RIGHTS = "the user needs &* +@all -@dangerous +info, and ~* or ~ with the prefix"
# How the refusals begin that no wait ends, besides those for want of a right, and what to do about them.
LASTING = {
    "unknown command": "the service needs every command under its own name",
    "DB index is out of range": "give a lower number in the address, or raise `databases` of this Redis",
}
REFUSED_MODES = {
    "cluster": "this is a Redis Cluster, which is not supported; use a single Redis",
    "sentinel": "this is a Sentinel, which holds no data; give the address of the Redis that it watches",
}


class RedisSilentError(redis.TimeoutError):
    """Redis has just timed out for another caller."""


class FreeConnections(LifoQueue[Any]):
    """The free connections. When Redis stops answering, all callers waiting for a connection fail with the first."""

    silent_until = 0.0

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return a connection.

        Raises:
            RedisSilentError: Redis has just timed out for another caller.
        """
        connection = super().get(block, timeout)
        if time.monotonic() < self.silent_until:
            self.put_nowait(connection)
            raise RedisSilentError("Redis has just timed out for another call")
        return connection


class SharedRedis(redis.Redis):
    """A client that notifies the other users of its pool when Redis stops answering."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command and return its answer."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except RedisSilentError:
            raise
        except redis.TimeoutError:
            turns = cast(FreeConnections, cast(redis.BlockingConnectionPool, self.connection_pool).pool)
            turns.silent_until = time.monotonic() + SILENCE_S
            raise


def make_redis(settings: RedisSettings, *, decodes: bool = True) -> redis.Redis:
    """Return a client whose replies are str, or bytes if `decodes` is false."""
    pool = make_pool(
        settings,
        redis.BlockingConnectionPool,
        queue_class=FreeConnections,
        max_connections=MAX_CONNECTIONS,
        timeout=CONNECTION_WAIT_S,
        decode_responses=decodes,
        health_check_interval=30,
    )
    return SharedRedis(connection_pool=pool)


def make_pool(
    settings: RedisSettings, kind: type[redis.ConnectionPool] = redis.ConnectionPool, **options: Any
) -> redis.ConnectionPool:
    """Return a pool of connections.

    TLS is verified if the address asks for it. A pooled connection that Redis has closed, or whose Redis is not the
    master any more, is replaced at once (one retry). A timeout is not retried.

    Args:
        settings: the address, and how to connect.
        kind: the pool's class.
        options: its further options.
    """
    pool = kind.from_url(
        settings.url,
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        **tls_options(settings),
        **options,
    )
    # Not an option, since the address would override it.
    pool.connection_class = EncryptedConnection if settings.uses_tls else PlainConnection
    return pool


def check_server(client: redis.Redis) -> None:
    """Check Redis and its user once, at a process's start; raises the errors of the two refusals below."""
    refuse_other_modes(client)
    refuse_unfit(client)
    warn_of_eviction(client)


def refuse_other_modes(client: redis.Redis) -> None:
    """Refuse a Redis Cluster, because the scripts that change jobs touch keys in several slots, and a Sentinel.

    A Redis that is not reachable yet passes; the service waits for it.

    Raises:
        SettingsError: Redis runs as one of them.
    """
    try:
        server = client.info("server")
    except redis.RedisError:
        return
    if (fault := REFUSED_MODES.get(str(server.get("redis_mode")))) is not None:
        raise SettingsError(f"redis.url: {fault}")


def refuse_unfit(client: redis.Redis) -> None:
    """Refuse a Redis that lacks the database or a command, or whose user lacks a right.

    One that refuses commands for another reason, or is silent, passes.

    Raises:
        SettingsError: names what is lacking.
    """
    try:
        try_commands(client)
    except redis.RedisError as error:
        if (advice := lasting_advice(error)) is not None:
            raise SettingsError(f"redis.url: {error}; {advice}") from error


def lasting_advice(error: redis.RedisError) -> str | None:
    """Return what to do about a refusal that no wait ends; None for any other error."""
    if isinstance(error, NoPermissionError):
        return RIGHTS
    return next((advice for start, advice in LASTING.items() if str(error).startswith(start)), None)


def warn_of_eviction(client: redis.Redis) -> None:
    """Log a warning if Redis drops keys when it is full. A Redis that is not reachable yet passes."""
    try:
        policy = client.info("memory").get("maxmemory_policy", NO_EVICTION)
    except redis.RedisError:
        return
    if policy != NO_EVICTION:
        logger.warning(
            "Redis drops keys when it is full, accepted jobs among them: set its maxmemory-policy to %s instead of %s",
            NO_EVICTION,
            policy,
        )


def try_commands(client: redis.Redis) -> None:
    """Read the memory, write, run a script and publish: what a Redis or its user may refuse.

    Raises:
        redis.RedisError: Redis refuses it.
    """
    client.info("memory")
    client.set(Key.TRIAL, "", px=1)
    client.register_script("return 1")()  # by EVALSHA, and SCRIPT LOAD where it is new, as the service's own
    client.publish(Key.TRIAL, "")
