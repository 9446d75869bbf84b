"""What webhooks tell: that a job or a deck has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.errors import UnreadableRecord
from shared.queue.decks import DeckStore, word_counts
from shared.queue.store import JobStore
from shared.queue.webhook_outbox import DECK_PREFIX


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of an end.

    Attributes:
        message_id: the same at each delivery, so that the receiver can recognise duplicates.
        url: where to send it; None if the record names no webhook.
        payload: its body.
    """

    message_id: str
    url: str | None
    payload: Mapping[str, Any]


class Notifications:
    """Makes notifications from records. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, jobs: JobStore, decks: DeckStore) -> None:
        self._jobs = jobs
        self._decks = decks

    def of(self, subject: str) -> Notification:
        """Return the notification of an ended job or deck, as the outbox names it.

        Raises:
            JobNotFound, DeckNotFound: its record no longer exists.
            UnreadableRecord: its record is damaged.
        """
        try:
            if subject.startswith(DECK_PREFIX):
                return self._of_deck(subject.removeprefix(DECK_PREFIX))
            return self._of_job(subject)
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableRecord(f"the record of {subject} cannot be read: {error}") from error

    def _of_job(self, job_id: str) -> Notification:
        record = self._jobs.get(job_id)
        data = {
            "job_id": job_id,
            "status": record.status.value,
            "word": record.request.word,
            "error": record.error.model_dump() if record.error else None,
        }
        payload = _payload(f"job.{record.status.value}", record.finished_at, data)
        return Notification(f"msg_{job_id}", record.request.webhook_url, payload)

    def _of_deck(self, deck_id: str) -> Notification:
        record = self._decks.get(deck_id)
        counts = word_counts(record, self._decks.states(record.jobs))
        data = {"deck_id": deck_id, "name": record.name, "counts": counts}
        return Notification(f"msg_{deck_id}", record.webhook_url, _payload("deck.finished", record.finished_at, data))


def _payload(event: str, ended_at: float | None, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": event, "timestamp": datetime.fromtimestamp(ended_at or 0, UTC).isoformat(), "data": data}
