"""Webhooks that are due, in Redis: a list for each host, so that a slow one holds up no other.

The script that ends a job with a `webhook_url` also puts the job on its host's list (`ENQUEUE`), so no end goes untold
whatever dies afterwards. A worker that claims an entry has it for a while; if it dies, the entry is due again. So a
webhook may come more than once, always with the same id, by which the receiver knows it.
"""

import time
from dataclasses import dataclass
from typing import cast

import redis

from shared.keys import PREFIX

DUE = PREFIX + "webhooks:"  # and the host; sorted set: job id, when it is due
HOSTS = PREFIX + "webhook_hosts"  # those whose list is not empty
FAILURES = PREFIX + "webhook_failures"  # hash: job id, failed deliveries so far
ONE_LIST = PREFIX + "webhooks"  # where older versions put all

# Part of every script that ends a job: `key` is its record, `id` the job, `now` the time.
ENQUEUE = f"""
local function enqueue_webhook(key, id, now)
  local host = redis.call('HGET', key, 'webhook')
  if host then
    redis.call('SADD', '{HOSTS}', host)
    redis.call('ZADD', '{DUE}' .. host, now, id)
  end
end
"""

# returns the hosts, after moving what an older version has left
FIND_HOSTS = f"""
{ENQUEUE}
local old = redis.call('ZRANGE', '{ONE_LIST}', 0, -1, 'WITHSCORES')
for index = 1, #old, 2 do enqueue_webhook('{PREFIX}job:' .. old[index], old[index], old[index + 1]) end
redis.call('DEL', '{ONE_LIST}')
return redis.call('SMEMBERS', '{HOSTS}')
"""

# KEYS: the host's list   ARGV: now, until
CLAIM = f"""
local id = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)[1]
if not id then return nil end
redis.call('ZADD', KEYS[1], 'XX', ARGV[2], id)
return {{id, redis.call('HGET', '{FAILURES}', id) or '0'}}
"""

# KEYS: the host's list   ARGV: host, job
SETTLE = f"""
redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('HDEL', '{FAILURES}', ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', '{HOSTS}', ARGV[1]) end
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A webhook to deliver now, and how often that has failed."""

    job_id: str
    host: str
    failures: int


class WebhookOutbox:
    """Claims and settles webhooks. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis, claim_s: float) -> None:
        """Take how long a claim holds: longer than a delivery may take."""
        self._redis = client
        self._claim_s = claim_s
        self._find_hosts = client.register_script(FIND_HOSTS)
        self._claim = client.register_script(CLAIM)
        self._settle = client.register_script(SETTLE)

    def hosts(self) -> list[str]:
        """Return the hosts that have still to be told something, now or later."""
        return cast("list[str]", self._find_hosts())

    def claim(self, host: str) -> Claim | None:
        """Return a host's webhook that is due, the oldest first; None: there is none."""
        now = time.time()
        found = cast("list[str] | None", self._claim(keys=[DUE + host], args=[now, now + self._claim_s]))
        return None if found is None else Claim(found[0], host, int(found[1]))

    def settle(self, claim: Claim) -> None:
        """Strike a webhook off: it was delivered, or given up."""
        self._settle(keys=[DUE + claim.host], args=[claim.host, claim.job_id])

    def postpone(self, claim: Claim, by_s: float) -> None:
        """Try a webhook again later."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(FAILURES, claim.job_id, 1)
            pipeline.zadd(DUE + claim.host, {claim.job_id: time.time() + by_s}, xx=True)
            pipeline.execute()

    def give_back(self, claim: Claim) -> None:
        """Let another worker deliver a webhook at once; it does not count as failed."""
        self._redis.zadd(DUE + claim.host, {claim.job_id: time.time()}, xx=True)
