"""One thread per worker that tells clients of their jobs' ends, signed as Standard Webhooks has it.

https://www.standardwebhooks.com: headers webhook-id, webhook-timestamp and webhook-signature; 2xx means received.
"""

import json
import logging
from datetime import UTC, datetime

import certifi
import redis
import urllib3
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook

from shared.errors import JobNotFound, WebhookNotAllowed
from shared.job_store import JobRecord, JobStore
from shared.settings import WebhookSettings
from shared.webhook_outbox import Claim, WebhookOutbox
from shared.webhook_targets import Target, parse_target, resolve
from worker.periodic import Periodic

logger = logging.getLogger(__name__)

DELIVERY_ERRORS = (OSError, urllib3.exceptions.HTTPError)


class WebhookSender:
    """Delivers what is due, until stopped."""

    def __init__(self, outbox: WebhookOutbox, store: JobStore, settings: WebhookSettings, every_s: float) -> None:
        """Take the outbox, the records, who may be told, and how often to look."""
        self._outbox = outbox
        self._store = store
        self._settings = settings
        self._signer = Webhook(settings.secret) if settings.secret else None
        self._thread = Periodic("webhooks", every_s, self._deliver_all)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def deliver_one(self) -> bool:
        """Deliver one webhook that is due; return whether there was one."""
        claim = self._outbox.claim()
        if claim is None:
            return False
        try:
            record = self._store.get(claim.job_id)
            status = self._post(record)
        except (JobNotFound, WebhookNotAllowed, ValidationError) as error:
            logger.warning("webhook of job %s given up: %s", claim.job_id, error)
            self._outbox.settle(claim)
        except DELIVERY_ERRORS as error:
            self._try_later(claim, str(error))
        else:
            if 200 <= status < 300:
                self._outbox.settle(claim)
            else:
                self._try_later(claim, f"answered {status}")
        return True

    def _post(self, record: JobRecord) -> int:
        """Send a job's end; return the HTTP status.

        Raises:
            WebhookNotAllowed: it may not go there (any more).
            OSError, urllib3.exceptions.HTTPError: it did not arrive.
        """
        if self._signer is None or record.request.webhook_url is None:
            raise WebhookNotAllowed("webhooks.secret is not set")
        target = parse_target(record.request.webhook_url, self._settings)
        body = json.dumps(_payload(record), ensure_ascii=False)
        message_id, now = f"msg_{record.job_id}", datetime.now(UTC)
        headers = {
            "Host": target.host,
            "Content-Type": "application/json",
            "User-Agent": "writing-service",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message_id, now, body),
        }
        with self._connect(target) as pool:
            response = pool.request(
                "POST",
                target.path,
                body=body.encode(),
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            response.close()
            return response.status

    def _connect(self, target: Target) -> urllib3.HTTPConnectionPool:
        """Return a connection to the address that was checked, with a certificate for the name."""
        address = resolve(target, self._settings)
        timeout = urllib3.Timeout(self._settings.timeout_s)
        if target.scheme == "http":
            return urllib3.HTTPConnectionPool(address, target.port, timeout=timeout)
        return urllib3.HTTPSConnectionPool(
            address,
            target.port,
            timeout=timeout,
            server_hostname=target.host,
            assert_hostname=target.host,
            cert_reqs="CERT_REQUIRED",
            ca_certs=certifi.where(),
        )

    def _try_later(self, claim: Claim, reason: str) -> None:
        failures = claim.failures + 1
        if failures >= self._settings.attempts:
            logger.warning("webhook of job %s given up after %d attempts: %s", claim.job_id, failures, reason)
            self._outbox.settle(claim)
            return
        pause_s = self._settings.first_pause_s * 4**claim.failures
        logger.info("webhook of job %s not delivered, again in %.0f s: %s", claim.job_id, pause_s, reason)
        self._outbox.postpone(claim, pause_s)

    def _deliver_all(self) -> None:
        try:
            while not self._thread.is_stopping and self.deliver_one():
                pass
        except redis.RedisError as error:
            logger.warning("webhooks wait for Redis: %s", error)


def _payload(record: JobRecord) -> dict[str, object]:
    return {
        "type": f"job.{record.status.value}",
        "timestamp": datetime.fromtimestamp(record.finished_at or 0, UTC).isoformat(),
        "data": {
            "job_id": record.job_id,
            "status": record.status.value,
            "word": record.request.word,
            "error": record.error.model_dump() if record.error else None,
        },
    }
