"""One thread that says, each heartbeat, that this worker lives and what it is."""

import logging
from collections.abc import Callable

import redis

from shared.queue.leases import Leases
from shared.queue.workers import WorkerRegistry
from shared.schemas import WorkerInfo
from worker.background.periodic import Periodic

logger = logging.getLogger(__name__)


class Heartbeat:
    """Publishes a worker's state until it is stopped."""

    def __init__(
        self, registry: WorkerRegistry, leases: Leases, describe: Callable[[], WorkerInfo], every_s: float
    ) -> None:
        """Take what to tell.

        Args:
            registry: where to publish the worker's state.
            leases: which each beat keeps.
            describe: returns the worker's present state.
            every_s: the pause between two beats.
        """
        self._registry = registry
        self._leases = leases
        self._describe = describe
        self._thread = Periodic("heartbeat", every_s, self._beat)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and strike the worker off the list."""
        self._thread.stop()
        try:
            self._registry.remove(self._describe().worker_id)
            self._leases.sign_off()
        except redis.RedisError as error:
            logger.warning("worker not struck off: %s", error)  # the list forgets it by itself

    def _beat(self) -> None:
        try:
            self._leases.beat()
            self._registry.publish(self._describe())
        except redis.RedisError as error:
            logger.warning("heartbeat not sent: %s", error)
