"""Webhooks that are due, in Redis.

The script that ends a job with a `webhook_url` also puts the job on this list (`ENQUEUE`), so no end goes untold
whatever dies afterwards. A worker that claims an entry has it for a while; if it dies, the entry is due again. So a
webhook may come more than once, always with the same id, by which the receiver knows it.
"""

import time
from dataclasses import dataclass
from typing import cast

import redis

from shared.keys import PREFIX

DUE = PREFIX + "webhooks"  # sorted set: job id, when it is due
FAILURES = PREFIX + "webhook_failures"  # hash: job id, failed deliveries so far

# Part of every script that ends a job: `key` is its record, `id` the job, `now` the time.
ENQUEUE = f"""
local function enqueue_webhook(key, id, now)
  if redis.call('HEXISTS', key, 'webhook') == 1 then redis.call('ZADD', '{DUE}', now, id) end
end
"""

# KEYS: due   ARGV: now, until
CLAIM = """
local id = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)[1]
if id then redis.call('ZADD', KEYS[1], 'XX', ARGV[2], id) end
return id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A webhook to deliver now, and how often that has failed."""

    job_id: str
    failures: int


class WebhookOutbox:
    """Claims and settles webhooks. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis, claim_s: float) -> None:
        """Take how long a claim holds."""
        self._redis = client
        self._claim_s = claim_s
        self._claim = client.register_script(CLAIM)

    def claim(self) -> Claim | None:
        """Return a webhook that is due, or None."""
        now = time.time()
        job_id = cast("str | None", self._claim(keys=[DUE], args=[now, now + self._claim_s]))
        if job_id is None:
            return None
        return Claim(job_id, int(cast("str | None", self._redis.hget(FAILURES, job_id)) or 0))

    def settle(self, claim: Claim) -> None:
        """Strike a webhook off: it was delivered, or given up."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.zrem(DUE, claim.job_id)
            pipeline.hdel(FAILURES, claim.job_id)
            pipeline.execute()

    def postpone(self, claim: Claim, by_s: float) -> None:
        """Try a webhook again later."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(FAILURES, claim.job_id, 1)
            pipeline.zadd(DUE, {claim.job_id: time.time() + by_s}, xx=True)
            pipeline.execute()
