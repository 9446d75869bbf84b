"""A thread that regularly publishes this worker's state."""

import logging
from collections.abc import Callable

import redis

from shared.queue.leases import Leases
from shared.queue.workers import WorkerRegistry
from shared.schemas import WorkerInfo
from worker.background.outage import Outage
from worker.background.periodic import Periodic

logger = logging.getLogger(__name__)


class Heartbeat(Periodic):
    """Publishes a worker's state until it is stopped.

    Args:
        registry: where its state is published.
        leases: of the worker; renewed at each beat.
        describe: returns the worker's current state.
        every_s: the pause between two beats, in seconds.
    """

    def __init__(
        self, registry: WorkerRegistry, leases: Leases, describe: Callable[[], WorkerInfo], every_s: float
    ) -> None:
        self._registry = registry
        self._leases = leases
        self._describe = describe
        self._outage = Outage(logger, "heartbeats not sent")
        super().__init__("heartbeat", every_s, self._beat)

    def stop(self) -> None:
        """End the thread and remove the worker from the registry. The GPU is not asked: it may be lost."""
        super().stop()
        try:
            self._registry.remove(self._leases.worker)
            self._leases.sign_off()
        except redis.RedisError as error:
            logger.warning("worker not removed from the registry: %s", error)  # its entry in the registry expires

    def _beat(self) -> None:
        try:
            self._leases.beat()
            self._registry.publish(self._describe())
        except redis.RedisError as error:
            self._outage.note(error)
        else:
            self._outage.note(None)
