"""One thread per worker that recovers abandoned jobs.

It requeues the jobs of workers that stopped sending heartbeats. It also sends a new message for a waiting job whose
message was lost, as when the API crashed between writing the record and sending the message.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol, cast

import redis
from kombu.exceptions import OperationalError

from shared.queue.client_queues import QUEUES
from shared.queue.keys import Key, waiting_keys
from shared.queue.leases import Leases
from shared.queue.messages import JobMessages
from worker.background.failure_detector import FailureDetector
from worker.background.outage import Outage
from worker.background.periodic import Periodic

logger = logging.getLogger(__name__)


class Send(Protocol):
    """Sends a waiting job's message, to its queue, before all others there if it `goes_first`."""

    def __call__(self, job_id: str, queue: str, *, goes_first: bool) -> None:
        """Raises `kombu.exceptions.OperationalError` if it cannot be sent."""


class Reaper(Periodic):
    """Looks for abandoned jobs at regular intervals until it is stopped.

    Args:
        client: of the Redis that holds records and queues.
        leases: of this worker.
        send: sends a waiting job's message.
        working_on: returns the ids of the jobs that this worker is taking or running.
        lease_s: after this many seconds without a heartbeat, a worker loses its jobs.
        every_s: the pause between two looks, in seconds.
        reconcile_s: how often records are compared with messages, in seconds. One worker does it for all of them.
    """

    def __init__(
        self,
        client: redis.Redis,
        leases: Leases,
        send: Send,
        *,
        working_on: Callable[[], Collection[str]],
        lease_s: float,
        every_s: float,
        reconcile_s: float,
    ) -> None:
        self._redis = client
        self._messages = JobMessages(client)
        self._leases = leases
        self._send = send
        self._working_on = working_on
        self._reconcile_s = reconcile_s
        self._detector = FailureDetector(lease_s)
        self._next_reconcile = time.monotonic()
        self._needs_messages = False  # whether a job waits again, and has no message yet
        self._outage = Outage(logger, "abandoned jobs not looked for")
        super().__init__("reaper", every_s, self._check_or_forget)

    def check(self) -> None:
        """Requeue the jobs of silent workers and those this worker lost track of; replace lost messages."""
        if strays := self._leases.give_back(self._working_on):
            logger.warning("requeued jobs that are recorded as this worker's but do not run here: %s", strays)
            self._needs_messages = True
        silent = self._detector.stale(self._leases.beats())
        if self._leases.worker in silent:
            # Redis has accepted no heartbeats, though it answers, or this process was stopped. The others may be well.
            self._detector.forget()
            return
        for worker, beat in silent.items():
            self._needs_messages = True  # also if the answer is lost: nobody finds this worker silent again
            logger.warning("worker %s fell silent; requeued: %s", worker, self._leases.reap(worker, beat))
        if self._needs_messages:
            self._send_undelivered()
        if time.monotonic() >= self._next_reconcile:
            self._next_reconcile = time.monotonic() + self._reconcile_s
            if self._redis.set(Key.RECONCILING, self._leases.worker, nx=True, px=max(1, int(900 * self._reconcile_s))):
                self._reconcile()

    def _send_undelivered(self) -> None:
        """Send a message for each waiting job that has none in a queue, before the others there.

        A worker may have died with messages whose jobs it had not taken yet. Its delivered messages cannot be told
        apart from those of live workers. A second message for the same job is harmless.
        """
        waiting, queued = self._waiting(), self._messages.queued()
        oldest_last = [job_id for job_id in reversed(waiting) if job_id not in queued]  # it is read first
        self._needs_messages = not self._send_all(oldest_last, waiting, go_first=True)

    def _reconcile(self) -> None:
        """Send a message for each job that was waiting without one both now and at the last look."""
        waiting = self._waiting()
        missing = set(waiting) - self._messages.queued() - self._messages.delivered()
        lost = missing & cast("set[str]", self._redis.smembers(Key.MISSING))
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(Key.MISSING)
            if missing:
                pipeline.sadd(Key.MISSING, *missing)
            pipeline.execute()
        if lost:
            logger.warning("jobs had no message, so new ones are sent: %s", sorted(lost))
            # An API that died never sent them, so they come after the others.
            self._send_all([job_id for job_id in waiting if job_id in lost], waiting, go_first=False)

    def _waiting(self) -> dict[str, str]:
        """Return the jobs whose records say that they are waiting, with their queues."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in waiting_keys():
                pipeline.zrange(key, 0, -1)
            return {job_id: queue for queue, jobs in zip(QUEUES, pipeline.execute(), strict=True) for job_id in jobs}

    def _send_all(self, jobs: Iterable[str], queues: Mapping[str, str], *, go_first: bool) -> bool:
        """Send jobs' messages, given each one's queue, until one fails; return whether none did."""
        for job_id in jobs:
            try:
                self._send(job_id, queues[job_id], goes_first=go_first)
            except OperationalError as error:  # a later look sends the rest
                logger.warning("message of job %s not sent: %s", job_id, error)
                return False
        return True

    def _check_or_forget(self) -> None:
        try:
            self.check()
        except redis.RedisError as error:
            # While Redis was down, no worker's counter could move. Start watching them afresh.
            self._detector.forget()
            self._outage.note(error)
        else:
            self._outage.note(None)
