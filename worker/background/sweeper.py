"""A thread that deletes expired pictures from the object store, which does not expire them itself."""

import logging

import redis

from shared.queue.clock import redis_time
from shared.queue.keys import Key
from shared.queue.object_store import ObjectStore, StoreUnavailable
from shared.queue.results import OBJECT_NAMES
from worker.background.periodic import Periodic

logger = logging.getLogger(__name__)

SWEEP_S = 600.0


class Sweeper(Periodic):
    """Deletes expired pictures at regular intervals until it is stopped. One worker does it for all of them.

    Args:
        client: of the Redis that all workers share.
        objects: the store.
        worker: this worker's name.
        ttl_s: how long a picture is kept, in seconds.
    """

    def __init__(self, client: redis.Redis, objects: ObjectStore, worker: str, ttl_s: float) -> None:
        self._redis = client
        self._objects = objects
        self._worker = worker
        self._ttl_s = ttl_s
        every_s = min(SWEEP_S, ttl_s)
        self._claim_ms = max(1, int(900 * every_s))
        super().__init__("sweeper", every_s, self._sweep_or_wait)

    def sweep(self) -> int:
        """Delete expired pictures, unless another worker has just done so; return how many were deleted.

        They expire by Redis's clock: a worker whose own is a day ahead would delete all.
        """
        if not self._redis.set(Key.SWEEPING, self._worker, nx=True, px=self._claim_ms):
            return 0
        return self._objects.sweep(OBJECT_NAMES, before=redis_time(self._redis) - self._ttl_s)

    def _sweep_or_wait(self) -> None:
        try:
            logger.debug("deleted %d expired pictures", self.sweep())
        except (redis.RedisError, StoreUnavailable) as error:
            logger.warning("expired pictures not deleted; the next sweep deletes them: %s", error)
