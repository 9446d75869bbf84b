"""Webhooks that are due, in Redis: a list for each host, so that a slow one holds up no other.

The script that ends a job with a `webhook_url` also puts the job on its host's list, so no end goes untold whatever
dies afterwards. A worker that claims an entry has it for a while; if it dies, the entry is due again. So a webhook may
come more than once, always with the same id, by which the receiver knows it.
"""

import time
from dataclasses import dataclass
from typing import cast

import redis

from shared.queue.keys import Key
from shared.queue.scripts import load_script


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
        self._find_hosts = load_script(client, "find_webhook_hosts")
        self._claim = load_script(client, "claim_webhook")
        self._settle = load_script(client, "settle_webhook")

    def hosts(self) -> list[str]:
        """Return the hosts that have still to be told something, now or later."""
        return cast("list[str]", self._find_hosts())

    def claim(self, host: str) -> Claim | None:
        """Return a host's webhook that is due, the oldest first; None: there is none."""
        now = time.time()
        found = cast("list[str] | None", self._claim(keys=[Key.WEBHOOKS + host], args=[now, now + self._claim_s]))
        return None if found is None else Claim(found[0], host, int(found[1]))

    def settle(self, claim: Claim) -> None:
        """Strike a webhook off: it was delivered, or given up."""
        self._settle(keys=[Key.WEBHOOKS + claim.host], args=[claim.host, claim.job_id])

    def postpone(self, claim: Claim, by_s: float) -> None:
        """Try a webhook again later."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(Key.WEBHOOK_FAILURES, claim.job_id, 1)
            pipeline.zadd(Key.WEBHOOKS + claim.host, {claim.job_id: time.time() + by_s}, xx=True)
            pipeline.execute()

    def give_back(self, claim: Claim) -> None:
        """Let another worker deliver a webhook at once; it does not count as failed."""
        self._redis.zadd(Key.WEBHOOKS + claim.host, {claim.job_id: time.time()}, xx=True)
