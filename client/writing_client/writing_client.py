"""The client: words in, pictures out."""

import os
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic_core import to_jsonable_python

from writing_client.arguments import check_list, check_type
from writing_client.batch import Batch, Request, RequestOutcome
from writing_client.connection import OUTAGES, TRANSIENT, Connection, header_value
from writing_client.errors import JobCancelled, JobFailed, WaitTimedOut, WritingError
from writing_client.job import Job, OnPreview, OnProgress
from writing_client.models import (
    AIGenerationResult,
    CardText,
    DeckAccepted,
    DeckListing,
    DeckSummary,
    GenerationRequest,
    JobAccepted,
    LanguageChoice,
    ListView,
    Meanings,
    Motifs,
    Priority,
    Senses,
    ServiceStatus,
    TranslationLanguage,
)
from writing_client.service_deck import PATH as DECKS
from writing_client.service_deck import ServiceDeck

DEFAULT_URL = "http://127.0.0.1:8600"
URL_VARIABLE, KEY_VARIABLE = "WRITING_URL", "WRITING_API_KEY"
DEFAULT_CONCURRENCY = 4
JOBS = "/api/writing/generate-writing-image"

Created = TypeVar("Created", Job, ServiceDeck)


class WritingClient:
    """A client of one service. As a context manager, it closes the connection on exit. Use one client per thread."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = 30,
        retry_s: float = 60,
    ) -> None:
        """Prepare a connection to the service. Nothing is sent yet.

        Args:
            url: the service's URL; None for $WRITING_URL, else http://127.0.0.1:8600.
            api_key: the API key, "" to send none; None for $WRITING_API_KEY, else none.
            timeout_s: how long to wait for a response, in seconds.
            retry_s: how long to retry while the service is full, restarting or unreachable, in seconds; 0 for a
                single try.

        Raises:
            WrongInput: the key contains a character that no key has, or a time is no number of seconds.
        """
        self._connection = Connection(
            os.environ.get(URL_VARIABLE) or DEFAULT_URL if url is None else url,
            os.environ.get(KEY_VARIABLE) if api_key is None else api_key,
            timeout_s=timeout_s,
            retry_s=retry_s,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def url(self) -> str:
        """The service's URL."""
        return self._connection.url

    def submit(self, word: str | GenerationRequest, translation: str = "", **options: Any) -> Job:
        """Submit a job. Retries carry the same Idempotency-Key, so they create only one job; an interrupt cancels it.

        Args:
            word: 1 to 24 letters, or 12 Han characters, kana or hangul; or a complete request; the
                other arguments override its fields.
            translation: what the word means, in English; empty: as in the request, or else looked up.
            **options: the other fields of `GenerationRequest`: style, seed, width, imagery, legibility …

        Raises:
            WritingError: the service refuses the request (`field` names the part), or stays full or unreachable for
                `retry_s`.
        """
        request: Request = word if isinstance(word, GenerationRequest) else {"word": word}
        own = {"translation": translation} if translation else {}
        return self._submit(_document(request) | own | _document(options), str(uuid.uuid4()))

    def create_deck(
        self,
        words: Sequence[str | Mapping[str, Any]],
        *,
        name: str = "Words",
        idempotency_key: str | None = None,
        waits_for_room: bool = True,
        **options: Any,
    ) -> ServiceDeck:
        """Have a list of words drawn in the bulk queue. Retries create only one deck.

        An interrupt (Ctrl-C) cancels the deck, unless it has a key of yours by which another call finds it.

        Args:
            words: up to 500 words, each a text or the fields of `DeckWord`.
            name: the deck's, for Anki.
            idempotency_key: another call with the same key and words returns the same deck; None for a key of its own.
            waits_for_room: whether to retry while the service has no room, as it always does during an outage.
            **options: fields of `GenerationRequest` for all words: style, seed, width, imagery …

        Raises:
            WrongInput: the words are no list, or the Idempotency-Key cannot be sent.
            WritingError: the service refuses the list, or none of its words can be drawn.
        """
        check_list("words", words)
        document = _document({"name": name, "words": list(words), **options})
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        headers = {"Idempotency-Key": header_value("the Idempotency-Key", key)}
        transient = TRANSIENT if waits_for_room else OUTAGES

        def post(**options: Any) -> ServiceDeck:
            arguments = {"json": document, "headers": headers, "transient": transient, **options}
            return self.deck(self._connection.fetch(DeckAccepted, "POST", DECKS, **arguments).deck_id)

        return _created(post) if idempotency_key is None else post()

    def decks(self) -> Iterator[DeckSummary]:
        """Yield the decks that were created with this client's API key, newest first; without keys, all decks.

        Raises:
            WritingError: the service does not answer.
        """
        params: dict[str, str] = {}
        while True:
            page = self._connection.fetch(DeckListing, "GET", DECKS, params=params)
            yield from page.decks
            if page.next_cursor is None:
                return
            params = {"cursor": page.next_cursor}

    def deck(self, deck_id: str) -> ServiceDeck:
        """Return a deck that was created before. Nothing is sent yet."""
        return ServiceDeck(self._connection, deck_id)

    def read_list(self, content: bytes, *, encoding: str | None = None, columns: str | None = None) -> ListView:
        """Return how the service interprets a list of words. Nothing is drawn.

        Args:
            content: the bytes of a file: CSV, or the text that Anki, Pleco or Quizlet export.
            encoding: its encoding; None to detect it.
            columns: what its columns hold, such as ``word,reading,translation``, ``-`` for none; None to detect them.

        Raises:
            WrongInput: the content is no bytes.
            WritingError: `unreadable_list`, `body_too_large`.
        """
        check_type(bytes, "content", content)
        params = {"encoding": encoding, "columns": columns}
        headers = {"Content-Type": "text/csv"}
        path = "/api/writing/word-lists"
        return self._connection.fetch(ListView, "POST", path, data=content, params=params, headers=headers)

    def anki_package(self, name: str, cards: Sequence[CardText]) -> bytes:
        """Return an Anki package without its pictures, and a contact sheet. `write_package` completes it.

        Args:
            name: the deck's.
            cards: the contents of the notes, at most 3,000.

        Raises:
            WritingError: a text is too long, or there are too many.
        """
        document = {"name": name, "cards": [card.model_dump(exclude_defaults=True) for card in cards]}
        return self._connection.download("application/zip", "POST", "/api/writing/anki-packages", json=document)

    def job(self, job_id: str) -> Job:
        """Return a job that was submitted before. Nothing is sent yet."""
        return Job(self._connection, job_id)

    def generate(
        self,
        word: str | GenerationRequest,
        translation: str = "",
        *,
        on_progress: OnProgress | None = None,
        on_preview: OnPreview | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> AIGenerationResult:
        """Submit a job and wait for it. Arguments and errors are those of `submit` and `Job.wait`.

        An interrupted wait (Ctrl-C, `WaitTimedOut`, an error in a callback) cancels the job.

        Raises:
            WaitTimedOut: the job did not end in time; it is cancelled.
        """
        job = self.submit(word, translation, **options)
        try:
            return job.wait(on_progress, on_preview, timeout_s)
        except (JobFailed, JobCancelled):
            raise
        except WaitTimedOut as error:
            job.abandon()
            raise WaitTimedOut(f"job {job.id} did not end in time, so it is cancelled") from error
        except BaseException:
            job.abandon()
            raise

    def batch(
        self, requests: Iterable[Request], *, concurrency: int = DEFAULT_CONCURRENCY
    ) -> Generator[RequestOutcome, None, None]:
        """Draw many words; yield the outcome of each as soon as it has ended, in order of completion.

        By default, requests go into the bulk queue. A request that fails is an outcome with its error, and the others
        continue. While the service is full or the rate limit is reached, the next request waits. Closing the iterator
        cancels the jobs in flight.

        Args:
            requests: the requests, consumed one at a time as there is room.
            concurrency: the maximum number of jobs in flight.

        Raises:
            WrongInput: the requests are no list, or the concurrency is less than 1.
            WritingError: an error that every further request would meet: the service does not answer, or the API key
                is wrong.
        """
        return Batch(requests, self._submit_bulk, concurrency).outcomes()

    def meaning(self, word: str) -> list[str]:
        """Return a word's English meanings from the lexicon; [] if the word is unknown.

        Raises:
            WritingError: the word cannot be written.
        """
        return list(self._connection.fetch(Meanings, "GET", "/api/writing/meaning", params={"word": word}).meanings)

    def meanings(
        self,
        word: str,
        *,
        translation: str = "",
        reading: str = "",
        language: LanguageChoice = "auto",
        translation_language: TranslationLanguage = "auto",
    ) -> Senses:
        """Return a word's readings and senses, the likeliest first, with the motifs that depict each.

        Args:
            word: the characters.
            translation: its meaning, as a request would give it; empty: looked up.
            reading: its pinyin or kana, as a request would give it; empty: the likeliest.
            language: its language, as a request would give it.
            translation_language: the translation's language, as a request would give it.

        Raises:
            WritingError: the word cannot be written.
        """
        params = {
            "word": word,
            "translation": translation,
            "reading": reading,
            "language": language,
            "translation_language": translation_language,
        }
        return self._connection.fetch(Senses, "GET", "/api/writing/meanings", params=params)

    def imagery(self, query: str = "", *, limit: int = 50, offset: int = 0) -> Motifs:
        """Return motifs whose name or keyword contains a text, in English or Chinese; without one, all by name.

        Args:
            query: the text.
            limit: the maximum number of motifs to return, 1 to 200.
            offset: the number of motifs to skip.

        Raises:
            WritingError: an argument is out of range.
        """
        params = {"query": query, "limit": str(limit), "offset": str(offset)}
        return self._connection.fetch(Motifs, "GET", "/api/writing/imagery", params=params)

    def status(self) -> ServiceStatus:
        """Return the service's capabilities and load."""
        return self._connection.fetch(ServiceStatus, "GET", "/api/writing/status")

    def _submit_bulk(self, request: Request, idempotency_key: str) -> Job:
        """Submit a request of a batch, which does other things while the service is full."""
        return self._submit({"priority": Priority.BULK} | _document(request), idempotency_key, transient=OUTAGES)

    def _submit(
        self, document: Mapping[str, Any], idempotency_key: str, *, transient: frozenset[int] = TRANSIENT
    ) -> Job:
        headers = {"Idempotency-Key": idempotency_key}

        def post(**options: Any) -> Job:
            arguments = {"json": document, "headers": headers, "transient": transient, **options}
            return self.job(self._connection.fetch(JobAccepted, "POST", JOBS, **arguments).job_id)

        return _created(post)


def _created(post: Callable[..., Created]) -> Created:
    """Create a job or a deck. An interrupt cancels what the service may have created before it could answer.

    Args:
        post: sends the request; again, with the same Idempotency-Key, it returns the same job or deck.
    """
    try:
        return post()
    except KeyboardInterrupt:
        with suppress(WritingError):
            post(is_retried=False).abandon()
        raise


def _document(request: Request) -> dict[str, Any]:
    """Return a request as JSON. Omitted fields are left to the service.

    Raises:
        WrongInput: it is neither a mapping nor a `GenerationRequest`.
    """
    if isinstance(request, GenerationRequest):
        return request.model_dump(mode="json", exclude_unset=True)
    check_type(Mapping, "a request", request)
    return dict(to_jsonable_python(request))
