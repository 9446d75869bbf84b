"""One thread per worker that sends signed webhooks when jobs and decks end, following Standard Webhooks.

https://www.standardwebhooks.com: headers webhook-id, webhook-timestamp and webhook-signature. A 2xx status means
received; 410 means that the receiver wants no more webhooks. Each client of each host has its own task, and slow ones
leave some places to the others, so a slow receiver delays only its client's deliveries and those to other slow ones.
"""

import asyncio
import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime

import h11
import redis
from standardwebhooks.webhooks import Webhook

from shared.errors import ServiceError, WebhookNotAllowed
from shared.queue.webhook_outbox import Claim, WebhookOutbox
from shared.queue.webhook_secrets import secret_of
from shared.queue.webhook_targets import host_of, parse_target, resolve
from shared.settings import WebhookSettings
from worker.background.exchange import in_thread, post
from worker.background.notifications import Notifications
from worker.background.outage import Outage

logger = logging.getLogger(__name__)

DELIVERY_ERRORS = (OSError, h11.ProtocolError)
GONE = 410
SENDERS = 16  # concurrent deliveries; further lists wait
SENDERS_PER_HOST = 4  # of them; so that the clients of one host leave some to the others
SLOW_SENDERS = 12  # of them, for lists whose last delivery was slow
SLOW_SENDERS_PER_HOST = 3
SLOW_S = 1.0  # a longer delivery is slow
FINISH_S = 2.0  # how long deliveries in progress may continue at shutdown
STOP_S = 5.0  # how long to wait for the thread to end


class Places:
    """The places of concurrent deliveries: in all, and to one host."""

    def __init__(self, senders: int, senders_per_host: int) -> None:
        self._all = asyncio.Semaphore(senders)
        self._of_host: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(senders_per_host))

    @asynccontextmanager
    async def place(self, host: str) -> AsyncIterator[None]:
        """Wait for a place, and occupy it within the context."""
        async with self._of_host[host], self._all:
            yield


class WebhookSender:
    """Delivers webhooks that are due until it is stopped."""

    def __init__(
        self, outbox: WebhookOutbox, notifications: Notifications, settings: WebhookSettings, every_s: float
    ) -> None:
        self._outbox = outbox
        self._notifications = notifications
        self._settings = settings
        self._every_s = every_s
        # Reading may work where writing does not.
        self._looking = Outage(logger, "webhooks not looked for")
        self._delivering = Outage(logger, "webhooks not delivered")
        self._slow: set[str] = set()  # the lists whose last delivery was slow
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Start delivering."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread within `STOP_S`. Deliveries in progress then become due again for another worker."""
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        if self._thread.is_alive():
            logger.warning("deliveries in progress are abandoned; they become due again when their claims expire")

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        """Look for lists with deliveries due, and start a task for each list that has none."""
        tasks: dict[str, asyncio.Task[None]] = {}
        places = Places(SENDERS, SENDERS_PER_HOST)
        slow_places = Places(SLOW_SENDERS, SLOW_SENDERS_PER_HOST)
        while not self._is_stopping.is_set():
            tasks = {name: task for name, task in tasks.items() if not task.done()}
            lists = await self._waiting_lists()
            self._slow &= lists
            for name in lists:
                if name not in tasks:
                    tasks[name] = asyncio.create_task(self._serve_list(name, places, slow_places))
            await self._pause()
        if tasks:
            _, late = await asyncio.wait(tasks.values(), timeout=FINISH_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _pause(self) -> None:
        """Wait for the next look. A stop is noticed within a tenth of a second."""
        for _ in range(max(1, round(10 * self._every_s))):
            if self._is_stopping.is_set():
                return
            await asyncio.sleep(min(0.1, self._every_s))

    async def _waiting_lists(self) -> set[str]:
        try:
            lists = await in_thread(self._outbox.lists)
        except redis.RedisError as error:
            self._looking.note(error)
            return set()
        except Exception:  # the thread's boundary, as when the process may have no further thread
            logger.exception("webhooks not looked for; the next look tries again")
            return set()
        self._looking.note(None)
        return lists

    async def _serve_list(self, name: str, places: Places, slow_places: Places) -> None:
        """Deliver what is due in one list, one webhook at a time."""
        host = host_of(name)
        try:
            has_more = True
            while has_more and not self._is_stopping.is_set():
                is_slow = name in self._slow
                async with slow_places.place(host) if is_slow else nullcontext(), places.place(host):
                    started_at = time.monotonic()
                    has_more = await self.deliver_one(name)
                if has_more:
                    self._note_pace(name, is_slow=time.monotonic() - started_at > SLOW_S)
                self._delivering.note(None)
        except redis.RedisError as error:
            self._delivering.note(error)
        except Exception:  # the task's boundary: the next look tries again
            logger.exception("webhooks to %s failed; they will be retried", host_of(name))

    def _note_pace(self, name: str, *, is_slow: bool) -> None:
        if is_slow:
            self._slow.add(name)
        else:
            self._slow.discard(name)

    async def deliver_one(self, list_name: str) -> bool:
        """Deliver one webhook that is due in a list; return whether there was one."""
        claim = await in_thread(lambda: self._outbox.claim(list_name))
        if claim is None:
            return False
        try:
            status = await self._deliver(claim)
        except ServiceError as error:  # the target is not allowed, or the record is missing or unreadable
            logger.warning("webhook of %s given up: %s", _name(claim), error)
            await in_thread(lambda: self._outbox.settle(claim))
        except TimeoutError:
            await self._try_later(claim, f"no response within {self._settings.timeout_s:g} s")
        except DELIVERY_ERRORS as error:
            await self._try_later(claim, str(error))
        except asyncio.CancelledError:
            await in_thread(lambda: self._outbox.give_back(claim))
            raise
        else:
            await self._settle(claim, status)
        return True

    async def _deliver(self, claim: Claim) -> int:
        """Send the end of a job or deck to its webhook; return the HTTP status.

        The deadline covers the whole exchange, including name resolution.

        Raises:
            ServiceError: it can never be sent.
            OSError, h11.ProtocolError: it was not delivered.
        """
        notification = await in_thread(lambda: self._notifications.of(claim.subject))
        secret = self._settings.secret
        if secret is None or notification.url is None:
            raise WebhookNotAllowed("webhooks.secret is not set")
        target = parse_target(notification.url, self._settings)
        body = json.dumps(notification.payload, ensure_ascii=False).encode()
        signer = Webhook(secret_of(target.host, secret))
        headers = {"Host": target.authority, **_headers(signer, notification.message_id, body)}
        async with asyncio.timeout(self._settings.timeout_s):
            addresses = await in_thread(lambda: resolve(target, self._settings))
            return await post(target, addresses, headers, body)

    async def _settle(self, claim: Claim, status: int) -> None:
        """Record the response."""
        if status == GONE:
            logger.warning("webhook of %s given up: the receiver no longer accepts any (410)", _name(claim))
        if status == GONE or 200 <= status < 300:
            await in_thread(lambda: self._outbox.settle(claim))
        else:
            await self._try_later(claim, f"the receiver answered {status}")

    async def _try_later(self, claim: Claim, reason: str) -> None:
        failures = claim.failures + 1
        if failures >= self._settings.attempts:
            logger.warning("webhook of %s given up after %d attempts: %s", _name(claim), failures, reason)
            await in_thread(lambda: self._outbox.settle(claim))
            return
        pause_s = self._settings.first_pause_s * 4**claim.failures
        logger.info("webhook of %s not delivered; retrying in %.0f s: %s", _name(claim), pause_s, reason)
        await in_thread(lambda: self._outbox.postpone(claim, pause_s))


def _name(claim: Claim) -> str:
    """Return what a log line names: the job or deck, and the receiver's host."""
    return f"{claim.subject} to {host_of(claim.list_name)}"


def _headers(signer: Webhook, message_id: str, body: bytes) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "User-Agent": "writing-service",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signer.sign(message_id, now, body.decode()),
    }
