"""Pending webhooks in Redis, with a separate list for each client of each host, so that none delays another's.

The script that ends a job with a `webhook_url`, or the last job of a deck with one, also puts the job or deck on its
list, so no webhook is lost in a crash.
A worker's claim on an entry expires: if the worker dies, the entry becomes due again. A webhook may therefore be
delivered more than once, always with the same id, by which the receiver can recognise duplicates.
"""

from dataclasses import dataclass
from typing import cast

import redis

from shared.queue.clock import redis_time
from shared.queue.keys import Key
from shared.queue.scripts import load_script

DECK_PREFIX = "deck:"  # of a deck in a list, before its id; also in ``lua/parts/completion.lua``


@dataclass(frozen=True, slots=True)
class Claim:
    """A webhook to deliver now, and how often its delivery has failed.

    `subject` is the job that has ended, or `DECK_PREFIX` and the deck.
    """

    subject: str
    list_name: str
    failures: int


class WebhookOutbox:
    """Claims and settles webhooks. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis, claim_s: float) -> None:
        """Load the scripts.

        Args:
            client: the Redis that holds the lists.
            claim_s: how long a claim lasts, in seconds; longer than a delivery may take.
        """
        self._redis = client
        self._claim_s = claim_s
        self._claim = load_script(client, "claim_webhook")
        self._settle = load_script(client, "settle_webhook")
        self._postpone = load_script(client, "postpone_webhook")

    def lists(self) -> set[str]:
        """Return the names of the lists with pending webhooks, due or not."""
        return cast("set[str]", self._redis.smembers(Key.WEBHOOK_LISTS))

    def claim(self, list_name: str) -> Claim | None:
        """Claim the oldest due webhook of a list; None if none is due."""
        found = cast("list[str] | None", self._claim(keys=[Key.WEBHOOKS + list_name], args=[self._claim_s]))
        return None if found is None else Claim(found[0], list_name, int(found[1]))

    def settle(self, claim: Claim) -> None:
        """Remove a webhook that was delivered or abandoned."""
        self._settle(keys=[Key.WEBHOOKS + claim.list_name], args=[claim.list_name, claim.subject])

    def postpone(self, claim: Claim, by_s: float) -> None:
        """Schedule another attempt at a webhook."""
        self._postpone(keys=[Key.WEBHOOKS + claim.list_name], args=[claim.subject, by_s])

    def give_back(self, claim: Claim) -> None:
        """Release a webhook so that another worker can deliver it at once; this does not count as a failure."""
        self._redis.zadd(Key.WEBHOOKS + claim.list_name, {claim.subject: redis_time(self._redis)}, xx=True)
