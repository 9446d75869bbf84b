"""Decks in Redis: lists of words that are drawn as bulk jobs and downloaded together.

A deck is a hash ``writing:deck:<id>``. One script writes it together with the records of all its jobs, so a deck exists
completely or not at all. No process has to supervise it: its jobs end like any other, and the workers' reconciler sends
any messages that its creator failed to send. The deck's state is derived from its jobs. The deck is kept as long as the
record of the job that ends last, or as that of a job that never started if none of them did. A job of the caller's that
is put into it keeps the deck, but not the records of jobs that never started.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import redis

from shared.errors import DeckNotFound
from shared.queue.job_record import new_record
from shared.queue.keys import deck_key, job_key
from shared.queue.scripts import load_script
from shared.queue.store import JobStore, created_before, idempotency_records
from shared.queue.webhook_targets import list_of
from shared.schemas import GenerationRequest, JobError, JobStatus, Priority
from shared.settings import QueueSettings
from shared.writing.language import Language, LanguageChoice


@dataclass(frozen=True, slots=True)
class DeckEntry:
    """A word of a deck as recorded.

    Attributes:
        word: the word in normal form, or as sent if it was refused.
        reading: the reading for its card, or as sent if it was refused.
        language: the language in which it was looked up.
        meaning: the meaning for its card, or the translation as sent if it was refused.
        line: its line in a CSV, from 1; None if it was not sent as CSV.
        job_id: its job; None if it was refused.
        error: why it was refused; None if it was not.
        variation: which of its job's variations is its picture; None for the job's own choice.
    """

    word: str
    reading: str = ""
    language: Language | LanguageChoice = "auto"
    meaning: str = ""
    line: int | None = None
    job_id: str | None = None
    error: JobError | None = None
    variation: int | None = None


@dataclass(frozen=True, slots=True)
class DeckRecord:
    """A deck as recorded.

    `webhook_url` is notified at `finished_at`, when all of its jobs had ended for the first time, in seconds since the
    epoch.
    """

    deck_id: str
    name: str
    read_as: str | None
    entries: tuple[DeckEntry, ...]
    webhook_url: str | None = None
    finished_at: float | None = None

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ids of its jobs, in the order of its words."""
        return tuple(entry.job_id for entry in self.entries if entry.job_id is not None)


@dataclass(frozen=True, slots=True)
class NewDeck:
    """A deck to be created, with the requests of its jobs by job id."""

    record: DeckRecord
    requests: Mapping[str, GenerationRequest]
    client: str
    result_bytes: int


@dataclass(frozen=True, slots=True)
class DeckSubmission:
    """The outcome of a deck's submission: a new deck, or the one that its Idempotency-Key already created."""

    deck_id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of one job of a deck; `error` says why it failed."""

    status: JobStatus
    error: JobError | None


REFUSED = "-"  # in the place of a job
GONE = JobState(
    JobStatus.FAILED,
    JobError(code="job_not_found", title="The job's record has expired.", detail="the job's record has expired"),
)


class DeckStore:
    """Creates and reads decks. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis, store: JobStore, settings: QueueSettings) -> None:
        self._redis = client
        self._store = store
        self._settings = settings
        self._create = load_script(client, "create_deck")
        self._replace = load_script(client, "replace_word")

    def create(self, deck: NewDeck, *, idempotency_key: str | None, fingerprint: str) -> DeckSubmission:
        """Record a deck and all its jobs as queued, or find the deck that the same Idempotency-Key created before.

        Args:
            deck: the deck to record.
            idempotency_key: a digest of the client's key; None if there is no key.
            fingerprint: a digest of what the client sent.

        Raises:
            QueueFull: the queue does not have room for all jobs, or not for this client.
            TooManyCancelled: the client has cancelled as many jobs as it may.
            IdempotencyConflict: the key was used before with a different deck.
        """
        record, limit = deck.record, self._store.limit(Priority.BULK)
        own = {
            "name": record.name,
            "read_as": record.read_as or "",
            **_words(list(map(asdict, record.entries))),
        }
        if record.webhook_url is not None:
            own |= {"webhook_url": record.webhook_url, "webhook": list_of(record.webhook_url, deck.client)}
        outcome, found = cast(
            list[str],
            self._create(
                keys=[deck_key(record.deck_id), *idempotency_records(idempotency_key)],
                args=[
                    record.deck_id, fingerprint, limit, deck.client, int(self._store.is_shared),
                    self._settings.cancelled_limit,
                    json.dumps([[job_id, _job_fields(deck, job_id)] for job_id in record.jobs], ensure_ascii=False),
                    *(item for pair in own.items() for item in pair),
                ],
            ),
        )  # fmt: skip
        count = len(record.jobs)
        full = f"the queue has no room for {count} more words: at most {limit} bulk jobs may wait"
        self._store.check_outcome(outcome, found, count, full=full)
        return DeckSubmission(found, is_new=outcome == "created")

    def find(self, idempotency_key: str | None, fingerprint: str) -> DeckSubmission | None:
        """Return the deck that an Idempotency-Key created before; None if there is none.

        Raises:
            IdempotencyConflict: the key was used before with a different deck.
        """
        deck_id = created_before(self._redis, idempotency_key, fingerprint, deck_key)
        return None if deck_id is None else DeckSubmission(deck_id, is_new=False)

    def get(self, deck_id: str) -> DeckRecord:
        """Return a deck.

        Raises:
            DeckNotFound: there is no such deck.
        """
        kept = cast(dict[str, str], self._redis.hgetall(deck_key(deck_id)))
        if "entries" not in kept:
            raise unknown_deck(deck_id)
        entries = tuple(map(_entry, json.loads(kept["entries"])))
        finished_at = float(kept["finished_at"]) if "finished_at" in kept else None
        return DeckRecord(deck_id, kept["name"], kept["read_as"] or None, entries, kept.get("webhook_url"), finished_at)

    def replace(self, deck_id: str, index: int, entry: DeckEntry) -> None:
        """Replace a word of a deck, with one that has a job.

        Raises:
            DeckNotFound: there is no such deck.
        """
        is_done = False
        while not is_done:  # another word of the deck may be replaced at the same time
            kept = cast("str | None", self._redis.hget(deck_key(deck_id), "entries"))
            if kept is None:
                raise unknown_deck(deck_id)
            entries = json.loads(kept)
            entries[index] = asdict(entry)
            words = _words(entries)
            is_done = bool(
                self._replace(
                    keys=[deck_key(deck_id), job_key(entry.job_id or "")],
                    args=[deck_id, kept, words["entries"], words["jobs"]],
                )
            )

    def owner(self, deck_id: str) -> str | None:
        """Return a deck's owner, as `JobStore.owner` does; None if there is no such deck."""
        return cast("str | None", self._redis.hget(deck_key(deck_id), "client"))

    def states(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """Return the states of jobs by their ids. A job whose record has expired counts as failed."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for job_id in jobs:
                pipeline.hmget(job_key(job_id), "status", "error")
            found = cast("list[list[str | None]]", pipeline.execute())
        return {job_id: _state(*kept) for job_id, kept in zip(jobs, found, strict=True)}


def word_counts(record: DeckRecord, states: Mapping[str, JobState]) -> dict[str, int]:
    """Return how many words of a deck have each status, given the states of its jobs."""
    drawn = [states[entry.job_id].status for entry in record.entries if entry.job_id is not None]
    words = Counter[str](drawn)
    return {**{status.value: words[status] for status in JobStatus}, "refused": len(record.entries) - len(drawn)}


def unknown_deck(deck_id: str) -> DeckNotFound:
    """Return the error for a deck that does not exist or that its caller may not see."""
    return DeckNotFound(f"there is no deck {deck_id!r}: it was never created, or its record has expired")


def _entry(kept: Mapping[str, Any]) -> DeckEntry:
    known = {field.name for field in fields(DeckEntry)}  # a newer version may add fields
    own = {name: value for name, value in kept.items() if name in known}
    return DeckEntry(**{**own, "error": _error(kept.get("error"))})


def _state(status: str | None, error: str | None) -> JobState:
    if status is None:
        return GONE
    return JobState(JobStatus(status), _error(json.loads(error)) if error else None)


def _words(entries: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return a deck's words as its record holds them.

    `jobs` has the words' jobs, with "-" for a refused one, so that scripts need not decode `entries`.
    """
    return {
        "entries": json.dumps(entries, default=JobError.model_dump, ensure_ascii=False),
        "jobs": " ".join(entry["job_id"] or REFUSED for entry in entries),
    }


def _error(kept: Mapping[str, Any] | None) -> JobError | None:
    return JobError.model_validate(kept, extra="ignore") if kept else None


def _job_fields(deck: NewDeck, job_id: str) -> list[str]:
    """Return the fields and values of a job's record as text, because Lua would round numbers."""
    record = new_record(deck.requests[job_id], client=deck.client, result_bytes=deck.result_bytes)
    return [str(item) for pair in {**record, "deck": deck.record.deck_id}.items() for item in pair]
