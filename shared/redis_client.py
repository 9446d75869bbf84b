"""A Redis client that fails fast: callers say "unavailable" within two seconds instead of hanging."""

import time
from queue import LifoQueue
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.errors import SettingsError
from shared.settings import RedisSettings
from shared.tls import tls_options

# Hundreds of callers at once share these, in turn: as many connections would take longer to open than to wait for.
MAX_CONNECTIONS = 32
CONNECTION_WAIT_S = 5
# So long after Redis has let one caller wait in vain, the others need not try.
SILENCE_S = 0.2


class RedisSilentError(redis.TimeoutError):
    """Redis has just not answered another caller."""


class FreeConnections(LifoQueue[Any]):
    """The connections that are free. When Redis falls silent, those who wait for one are told so with the first."""

    silent_until = 0.0

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return a connection.

        Raises:
            RedisSilentError: another caller has just waited in vain.
        """
        connection = super().get(block, timeout)
        if time.monotonic() < self.silent_until:
            self.put_nowait(connection)
            raise RedisSilentError("Redis has just not answered another call")
        return connection


class SharedRedis(redis.Redis):
    """A client that tells the others of its pool when Redis falls silent."""

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
    """Return a client that answers in str, or in bytes if it does not decode.

    TLS, where the address asks for it, is verified. A pooled connection that Redis has closed is replaced at once (one
    retry); a timeout is not tried again.
    """
    pool = redis.BlockingConnectionPool.from_url(
        settings.url,
        queue_class=FreeConnections,
        max_connections=MAX_CONNECTIONS,
        timeout=CONNECTION_WAIT_S,
        decode_responses=decodes,
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        health_check_interval=30,
        **tls_options(settings),
    )
    return SharedRedis(connection_pool=pool)


def refuse_cluster(client: redis.Redis) -> None:
    """Refuse a Redis Cluster: the scripts that change jobs touch keys of several slots.

    A Redis that is not there yet passes: the service waits for it.

    Raises:
        SettingsError: it is one.
    """
    try:
        cluster = client.info("cluster")
    except redis.RedisError:
        return
    if cluster.get("cluster_enabled"):
        raise SettingsError("redis.url: this is a Redis Cluster, which is not supported; use a single Redis")
