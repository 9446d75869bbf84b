"""Decks in the API: create, look up and cancel them, and collect the contents of their files."""

import hashlib
import json
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from api.blocking import in_thread
from api.deck_words import ListedWord, drawn_by, identity, plan, with_languages
from api.idempotency import digest_key
from api.jobs import Jobs
from api.validation import RequestValidator
from shared.errors import (
    ERRORS_BY_CODE,
    DeckExpired,
    DeckNotFinished,
    DeckTooLarge,
    DeckWithoutPictures,
    DeckWordNotFound,
    InvalidRequest,
    JobNotFound,
    NoDrawableWord,
)
from shared.queue.decks import DeckEntry, DeckRecord, DeckStore, DeckSubmission, JobState, NewDeck
from shared.queue.result_budget import Budget
from shared.queue.results import Results, StoredResult
from shared.queue.store import JobStore
from shared.schemas import DrawingOptions, GenerationRequest, JobStatus
from shared.schemas.deck import MAX_WORDS, DeckOptions
from shared.settings import Settings
from shared.writing.dictionaries import Dictionaries


@dataclass(frozen=True, slots=True)
class CreatedDeck:
    """A list's deck as recorded. An earlier request with the same Idempotency-Key may have created it."""

    submission: DeckSubmission
    record: DeckRecord


@dataclass(frozen=True, slots=True)
class DrawnWord:
    """A word of a finished deck with its picture's document."""

    entry: DeckEntry
    stored: StoredResult


class Decks:
    """The API's operations on decks."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: DeckStore,
        job_store: JobStore,
        jobs: Jobs,
        validator: RequestValidator,
        results: Results,
        budget: Budget,
        dictionaries: Dictionaries,
    ) -> None:
        self._settings = settings
        self._store = store
        self._job_store = job_store
        self._jobs = jobs
        self._validator = validator
        self._results = results
        self._budget = budget
        self._dictionaries = dictionaries

    def create(
        self,
        words: Sequence[ListedWord],
        options: DeckOptions,
        *,
        read_as: str | None = None,
        idempotency_key: str | None = None,
        client: str = "",
    ) -> CreatedDeck:
        """Validate a list, record it with all its jobs atomically, and send their messages.

        Words that cannot be drawn are refused individually. If this process dies before it has sent all messages, the
        workers' reconciler sends the rest.

        Args:
            words: the list.
            options: the options that apply to all of them.
            read_as: how a CSV was interpreted.
            idempotency_key: the client's key; the same key with the same list returns the first deck.
            client: the deck's owner; "" if anonymous.

        Raises:
            InvalidRequest: there are too many words, or none of them can be drawn.
            QueueFull: the queue has no room for all of them now, or not for this client.
            IdempotencyConflict: the key was used with a different list.
            QueueOutOfMemory: Redis or the result store is full; nothing was created.
        """
        key = digest_key(idempotency_key, client, "deck")
        fingerprint = "" if key is None else in_thread(partial(self._fingerprint, words, options))
        if (first := self._store.find(key, fingerprint)) is not None:  # even if there is no room for another one
            return CreatedDeck(first, self._store.get(first.deck_id))
        self._validator.check_webhook(options.webhook_url)
        entries, requests = self._planned(words, options)
        record = DeckRecord(str(uuid.uuid4()), options.name, read_as, tuple(entries), options.webhook_url)
        result_bytes = max(map(self._jobs.estimate, requests.values()))
        self._check_size(len(requests), result_bytes)
        self._jobs.admit(client, len(requests) * result_bytes)
        submission = self._store.create(
            NewDeck(record, requests, client, result_bytes), idempotency_key=key, fingerprint=fingerprint
        )
        if not submission.is_new:
            return CreatedDeck(submission, self._store.get(submission.deck_id))
        # The first failure ends it: while Redis does not answer, each would take seconds.
        all(self._jobs.send(job_id, request, client) for job_id, request in requests.items())
        return CreatedDeck(submission, record)

    def _planned(
        self, words: Sequence[ListedWord], options: DeckOptions
    ) -> tuple[list[DeckEntry], dict[str, GenerationRequest]]:
        """Return the words as their deck records them, and what to draw, by job.

        Raises:
            InvalidRequest: none of them can be drawn.
        """
        words = in_thread(partial(with_languages, words, options, self._dictionaries))
        entries: list[DeckEntry] = []
        requests: dict[str, GenerationRequest] = {}
        for word in words:
            entry, request = plan(word, options, self._validator, self._dictionaries)
            entries.append(entry)
            if request is not None and entry.job_id is not None:
                requests[entry.job_id] = request
            time.sleep(0)  # let other requests run
        if not requests:
            raise _refusal(words, entries, options)
        return entries, requests

    def state(self, deck_id: str) -> tuple[DeckRecord, dict[str, JobState]]:
        """Return a deck and the states of its jobs.

        Raises:
            DeckNotFound: there is no such deck.
        """
        record = self._store.get(deck_id)
        return record, self._store.states(record.jobs)

    def job_state(self, job_id: str) -> JobState:
        """Return the state of a job of a deck."""
        return self._store.states([job_id])[job_id]

    def replace(self, deck_id: str, index: int, job_id: str, variation: int | None) -> DeckEntry:
        """Give a word of a deck another job's picture, and return the word.

        Args:
            deck_id: the deck.
            index: the word's position in the list, from 0.
            job_id: a job that draws the word. It need not have ended; the deck is not finished until it has.
            variation: which of the job's variations; None for the job's own choice.

        Raises:
            DeckNotFound, DeckWordNotFound: there is no such deck or word.
            JobNotFound, VariationNotFound: there is no such job or variation.
            DifferentWord: the job draws another word.
            JobWithoutPicture, ResultExpired: the job has ended, and has no picture any more.
            UnreadableRecord: the job's record is damaged.
            InvalidRequest: its word is blocked by now.
        """
        entries = self._store.get(deck_id).entries
        if index >= len(entries):
            raise DeckWordNotFound(f"the deck has no word {index}; it has 0 to {len(entries) - 1}")
        request = self._jobs.request(job_id, variation)
        entry = drawn_by(entries[index], job_id, request, self._validator.meaning(request), variation)
        self._store.replace(deck_id, index, entry)
        return entry

    def owner(self, deck_id: str) -> str | None:
        """Return a deck's owner; "" if it was created without a key, None if there is no such deck."""
        return self._store.owner(deck_id)

    def cancel(self, deck_id: str) -> None:
        """Cancel the jobs of a deck that have not ended, and keep the finished pictures.

        Raises:
            DeckNotFound: there is no such deck.
        """
        _, states = self.state(deck_id)
        for job_id, state in states.items():
            if not state.status.is_terminal:
                with suppress(JobNotFound):  # its record has just expired
                    self._job_store.cancel(job_id)

    def drawn(self, deck_id: str) -> tuple[DeckRecord, list[DrawnWord]]:
        """Return a finished deck and those of its words that have a picture.

        Raises:
            DeckNotFound: there is no such deck.
            DeckNotFinished: some of its jobs are waiting or running.
            DeckWithoutPictures: none of them has succeeded.
            DeckExpired: some of its pictures are no longer kept.
        """
        record, states = self.state(deck_id)
        waiting = sum(not state.status.is_terminal for state in states.values())
        if waiting:
            raise DeckNotFinished(
                f"{waiting} of {len(states)} words are not drawn yet",
                retry_after_s=self._settings.queue.retry_after_s,
            )
        succeeded = [
            entry for entry in record.entries if entry.job_id and states[entry.job_id].status is JobStatus.SUCCEEDED
        ]
        if not succeeded:
            raise DeckWithoutPictures("every word failed or was cancelled; the deck's `words` say why")
        found = self._results.get_many([entry.job_id or "" for entry in succeeded])
        words = [DrawnWord(entry, stored) for entry, stored in zip(succeeded, found, strict=True) if stored is not None]
        if len(words) < len(succeeded):
            raise _expired(len(succeeded) - len(words), len(succeeded))
        return record, words

    def png(self, word: DrawnWord) -> bytes:
        """Return a word's picture.

        Raises:
            DeckExpired: the picture is no longer kept.
        """
        chosen = word.entry.variation
        png = self._results.picture(word.stored, 0 if chosen is None else word.stored.find_variation(chosen) or 0)
        if png is None:
            raise _expired(1, 1)
        return png

    def _fingerprint(self, words: Sequence[ListedWord], options: DeckOptions) -> str:
        """Return a digest that is equal for lists of equivalent words under the same name."""
        own = [options.name] if options.webhook_url is None else [options.name, options.webhook_url]
        asked = [*own, *(identity(word, options, self._dictionaries, self._settings) for word in words)]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def _check_size(self, words: int, result_bytes: int) -> None:
        """Refuse a deck that could never be downloaded or never be accepted.

        Raises:
            DeckTooLarge: it has more pictures than are kept at a time, or more words than may wait in the queue.
        """
        most = self._settings.queue.bulk_limit
        budget = self._budget.for_pictures()
        if budget:
            most = min(most, budget // max(1, result_bytes))
        if words > most:
            raise DeckTooLarge(
                f"this deployment accepts at most {min(most, MAX_WORDS)} words of this size in a deck", field="words"
            )


def _refusal(words: Sequence[ListedWord], entries: Sequence[DeckEntry], options: DeckOptions) -> InvalidRequest:
    """Return why no word of a list can be drawn: an option of the deck, or each word's own reason."""
    errors = [entry.error for entry in entries if entry.error is not None]
    first = errors[0]
    if {error.code for error in errors} == {first.code} and _is_of_deck(first.field, words, options):
        refusal = ERRORS_BY_CODE.get(first.code, InvalidRequest)(first.detail, field=first.field, code=first.code)
        if isinstance(refusal, InvalidRequest):
            return refusal
    return NoDrawableWord(
        f"none of the {len(entries)} words can be drawn; the first reason: {first.detail}",
        field="words",
        errors=[
            {"field": f"words.{index}", "code": error.code, "message": error.detail}
            for index, error in enumerate(errors)
        ],
    )


def _is_of_deck(field: str | None, words: Sequence[ListedWord], options: DeckOptions) -> bool:
    """Return whether a field at fault is an option of the deck that no word overrides."""
    name = (field or "").partition(".")[0]
    if name not in DrawingOptions.model_fields or name not in options.model_fields_set:
        return False
    return not any(isinstance(word.document, dict) and word.document.get(name) is not None for word in words)


def _expired(lost: int, of: int) -> DeckExpired:
    return DeckExpired(
        f"{lost} of {of} pictures are no longer stored (queue.result_ttl_s, results.budget_share); "
        "draw the words without `image_url` again as jobs of their own and put these in their places "
        "(PUT …/words/{index}), or send the whole list again with a new Idempotency-Key"
    )
