"""The list of live workers: each publishes its state every heartbeat, and one that stops doing so is dropped."""

import logging
import time
from typing import cast

import redis
from pydantic import ValidationError

from shared.queue.keys import Key
from shared.schemas import WorkerInfo

logger = logging.getLogger(__name__)


class WorkerRegistry:
    """Reads and writes the list of live workers.

    Every method raises `redis.RedisError` when Redis does not answer.
    """

    def __init__(self, client: redis.Redis, stale_after_s: float) -> None:
        self._redis = client
        self._stale_after_s = stale_after_s

    def publish(self, info: WorkerInfo) -> None:
        """Publish a worker's state, which also marks it as alive."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(Key.WORKER + info.worker_id, info.model_dump_json(), px=int(self._stale_after_s * 1000))
            pipeline.zadd(Key.WORKERS, {info.worker_id: time.time()})
            pipeline.execute()

    def remove(self, worker_id: str) -> None:
        """Remove a worker that is shutting down."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(Key.WORKER + worker_id)
            pipeline.zrem(Key.WORKERS, worker_id)
            pipeline.execute()

    def workers(self) -> list[WorkerInfo]:
        """Return the live workers, sorted by id."""
        ids = sorted(cast(list[str], self._redis.zrange(Key.WORKERS, 0, -1)))
        if not ids:
            return []
        found = cast("list[str | None]", self._redis.mget([Key.WORKER + worker_id for worker_id in ids]))
        gone = [worker_id for worker_id, info in zip(ids, found, strict=True) if info is None]
        if gone:
            self._redis.zrem(Key.WORKERS, *gone)
        return [info for text in found if text is not None and (info := _parse(text)) is not None]

    def unavailable_methods(self) -> dict[str, str]:
        """Return the methods that no live worker can run, each with one worker's reason; {} if there are no workers."""
        workers = self.workers()
        offered = {method for worker in workers for methods in worker.methods.values() for method in methods}
        return {
            method: reason
            for worker in workers
            for method, reason in worker.unavailable_methods.items()
            if method not in offered
        }


def _parse(text: str) -> WorkerInfo | None:
    """Return a worker's published state; None if this version cannot read it, as during a rolling upgrade."""
    try:
        return WorkerInfo.model_validate_json(text, extra="ignore")
    except ValidationError as error:
        logger.warning("cannot read a worker's state: %s", error)
        return None
