"""Redis's clock, by which all records count: the only one that all machines share."""

import redis


def redis_time(client: redis.Redis) -> float:
    """Return the seconds since the epoch by Redis's clock; raises `redis.RedisError` when Redis does not answer."""
    seconds, microseconds = client.time()
    return seconds + microseconds / 1e6
