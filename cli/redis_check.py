"""The check of Redis: whether it is the one that the service needs, and lets the service do what it must."""

from collections.abc import Iterator, Mapping
from typing import Any

import redis
from redis.exceptions import OutOfMemoryError

from cli.finding import Finding, Level
from shared.errors import SettingsError
from shared.gpu_profiles import GIB
from shared.queue.object_store import IN_REDIS
from shared.redis_client import NO_EVICTION, lasting_advice, make_redis, refuse_other_modes, try_commands
from shared.settings import ResultSettings, Settings
from shared.tls import check_tls
from writing_client.session import without_password

LOWEST_REDIS = (6, 2)  # the oldest version that the tests run with
# What to do when Redis refuses a command for now. The first class that the error belongs to counts.
REFUSALS: Mapping[type[redis.RedisError], str] = {
    redis.AuthenticationError: "correct user and password in WRITING_REDIS__URL; a sign such as @ is written %40 there",
    OutOfMemoryError: "raise its maxmemory",
    redis.ResponseError: "see its log; it must be a master that can write to its disk",
}


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Check whether Redis answers, can be written to, has a limit, and persists its data."""
    address = without_password(settings.redis.url)
    client = make_redis(settings.redis)
    try:
        check_tls(settings.redis)
        refuse_other_modes(client)
        info = client.info()
        try_commands(client)
    except SettingsError as error:
        yield Finding(Level.FAIL, "Redis", str(error))
        return
    except redis.RedisError as error:
        yield _redis_fault(address, error)
        return
    finally:
        client.close()
    assert isinstance(info, dict)  # noqa: S101  # the union includes the asynchronous client's type
    version = str(info["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) >= LOWEST_REDIS:
        yield Finding(Level.OK, "Redis", f"{address}, version {version}")
    else:
        lowest = ".".join(map(str, LOWEST_REDIS))
        yield Finding(Level.WARN, "Redis", f"{address}, version {version}", f"use {lowest} or newer")
    yield from _check_redis_configuration(info, settings.results)


def _redis_fault(address: str, error: redis.RedisError) -> Finding:
    # Our connections report the refusals of a replica as lost connections.
    refusal = error.__cause__ if isinstance(error.__cause__, redis.ResponseError) else error
    for_now = next((advice for kind, advice in REFUSALS.items() if isinstance(refusal, kind)), None)
    if (advice := lasting_advice(refusal) or for_now) is not None:
        return Finding(Level.FAIL, "Redis", f"{address} refuses a command: {refusal}", advice)
    advice = "start one (make serve brings its own), or set WRITING_REDIS__URL"
    return Finding(Level.FAIL, "Redis", f"{address} does not answer: {error}", advice)


def _check_redis_configuration(info: dict[str, Any], results: ResultSettings) -> Iterator[Finding]:
    policy = info.get("maxmemory_policy", "unknown")
    if policy == NO_EVICTION:
        yield Finding(Level.OK, "Redis eviction", policy)
    else:
        advice = f"CONFIG SET maxmemory-policy {NO_EVICTION}: a full Redis would drop jobs"
        yield Finding(Level.FAIL, "Redis eviction", str(policy), advice)
    limit, budget = int(info.get("maxmemory", 0)), results.budget_bytes
    if limit:
        yield Finding(Level.OK, "Redis memory", f"at most {limit / GIB:.1f} GiB")
    elif budget or results.store != IN_REDIS:
        yield Finding(Level.OK, "Redis memory", "no limit, but pictures have one or are stored elsewhere")
    else:
        advice = "CONFIG SET maxmemory 4gb, or set results.budget_bytes"
        yield Finding(Level.WARN, "Redis memory", "no limit: pictures may fill the machine's memory", advice)
    if info.get("aof_enabled"):
        yield Finding(Level.OK, "Redis AOF", "on")
    else:
        yield Finding(Level.WARN, "Redis AOF", "off: a restart loses the queue", "CONFIG SET appendonly yes")
