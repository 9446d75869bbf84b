"""A Redis client that fails fast: callers say "unavailable" within two seconds instead of hanging."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.queue.tls import tls_options
from shared.settings import RedisSettings

# Hundreds of callers at once share these, in turn: as many connections would take longer to open than to wait for.
MAX_CONNECTIONS = 32
CONNECTION_WAIT_S = 5


def make_redis(settings: RedisSettings, *, decodes: bool = True) -> redis.Redis:
    """Return a client that answers in str, or in bytes if it does not decode.

    TLS, where the address asks for it, is verified. A pooled connection that Redis has closed is replaced at once (one
    retry); a timeout is not tried again.
    """
    pool = redis.BlockingConnectionPool.from_url(
        settings.url,
        max_connections=MAX_CONNECTIONS,
        timeout=CONNECTION_WAIT_S,
        decode_responses=decodes,
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        health_check_interval=30,
        **tls_options(settings),
    )
    return redis.Redis(connection_pool=pool)
