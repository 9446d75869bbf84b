"""A folder of pictures for a list of words; ``deck.json`` records its contents.

The service draws the missing pictures as its own decks. The one in progress is recorded too, so that a client that was
killed finds it again.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from writing_client.deck_record import Creation, DeckRecord, Drawing, PendingDeck
from writing_client.errors import JobCancelled, JobFailed, WritingError
from writing_client.file_name import safe_name
from writing_client.job import result_of
from writing_client.models import AIGenerationResult, CardText, DeckWordView, JobStatus, ListedRow
from writing_client.patience import OnFull, patiently
from writing_client.picture import Picture
from writing_client.service_deck import POLL_S, ServiceDeck
from writing_client.writing_client import WritingClient

PICTURES = "pictures"
MAX_WORDS = 500  # in one deck of the service
MAX_CARDS = 3_000  # in one package
MAX_CHARACTERS = 10_000  # of East Asia, those from FIRST_EAST_ASIAN on, in a package's words: their strokes are in it
FIRST_EAST_ASIAN = "\u2e80"
LONGEST_PROMPT = 1_000  # of a card
DIGEST_LENGTH = 24
# With these statuses the service has created nothing; with others, or without an answer, it may have.
REFUSED = range(400, 500)
# A picture that the service no longer has. Any other error of a finished picture is temporary.
LOST = frozenset({"result_expired", "job_not_found"})
Drawn = tuple[ListedRow, WritingError | None]


class Deck:
    """The pictures of a list of words, all drawn with the same options."""

    def __init__(
        self, folder: Path, rows: Sequence[ListedRow], options: Mapping[str, Any], name: str = "Words"
    ) -> None:
        """Read the folder's record.

        Args:
            folder: the deck's folder, created before anything is drawn.
            rows: the words, in the order of the deck.
            options: fields of `GenerationRequest` for all words; a row's own style and imagery take precedence.
            name: the deck's name.

        Raises:
            WrongInput: the folder's record is broken.
        """
        self.folder = folder
        self.name = name
        self._rows = rows
        self._options = options
        self._requests = [_request(row, options) for row in rows]
        self._keys = [fingerprint(request) for request in self._requests]
        self._record = DeckRecord(folder)

    @property
    def missing(self) -> list[int]:
        """The indices of the rows that have no picture yet, or whose request has changed since."""
        return [index for index, key in enumerate(self._keys) if self._record.drawing(key) is None]

    @property
    def drawn(self) -> int:
        """The number of rows that have their picture."""
        return len(self._rows) - len(self.missing)

    @property
    def cards(self) -> list[CardText]:
        """The words that have their picture, in the order of the deck."""
        return [
            CardText(
                word=row.word,
                reading=row.reading or drawing.reading,
                language=request.get("language", "auto"),
                meaning=drawing.meaning,
                prompt=drawing.prompt[:LONGEST_PROMPT],
                file=drawing.file,
                digest=_digest(self.folder / drawing.file),
            )
            for row, request, key in zip(self._rows, self._requests, self._keys, strict=True)
            if (drawing := self._record.drawing(key)) is not None
        ]

    def draw(self, client: WritingClient, on_full: OnFull | None = None) -> Generator[Drawn, None, None]:
        """Have the missing pictures drawn; yield each row once its picture is written, or with its error.

        Each picture is recorded at once, so that the next call resumes wherever this one ends. Closing the iterator
        cancels what is not drawn; an error of the service does not.

        Args:
            client: a client of the service.
            on_full: called with the service's answer each time that it has no room for the words, before a wait.

        Raises:
            WritingError: an error that affects all rows: the service does not answer, or refuses the list.
            OSError: the folder cannot be written to.
        """
        yield from self._resume(client, on_full)
        tried: set[str] = set()
        most = MAX_WORDS
        while places := self._untried(tried, most):
            try:
                pending = self._create(client, self._planned(places), on_full)
            except WritingError as error:
                if error.code == "deck_too_large" and len(places) > 1:
                    most = len(places) // 2
                    continue
                if error.code != "no_drawable_word":
                    raise
                yield from self._refused(places.values(), error)
            else:
                yield from self._follow(client, pending)
            tried.update(places)

    def _untried(self, tried: Collection[str], most: int) -> dict[str, int]:
        """Return missing keys that were not tried, at most as many as given, each with one of its rows."""
        missing = {self._keys[index]: index for index in self.missing if self._keys[index] not in tried}
        return dict(islice(missing.items(), most))

    def _planned(self, places: Mapping[str, int]) -> PendingDeck:
        """Return the deck of the service that some rows need, with the call that creates it."""
        creation = Creation(
            idempotency_key=str(uuid.uuid4()),
            name=self.name,
            words=tuple(_word(self._requests[index], self._options) for index in places.values()),
            options=dict(self._options),
        )
        return PendingDeck(keys=tuple(places), creation=creation)

    def _create(self, client: WritingClient, pending: PendingDeck, on_full: OnFull | None) -> PendingDeck:
        """Create a deck on the service, and return it with its id.

        The call is recorded first: should its answer be lost, the next run finds the deck by repeating it.
        """

        def create() -> ServiceDeck:
            self._record.remember(pending)
            try:
                return _repeat(client, pending)
            except WritingError as error:
                if error.status in REFUSED:
                    self._record.remember(None)
                raise

        return PendingDeck(keys=pending.keys, deck_id=patiently(create, on_full).id)

    def _refused(self, indices: Iterable[int], error: WritingError) -> Iterator[Drawn]:
        """Yield rows of which the service can draw none, each with its own reason."""
        for index, fault in zip(indices, error.errors, strict=True):
            yield self._rows[index], WritingError(str(fault["message"]), code=str(fault["code"]), status=error.status)

    def _resume(self, client: WritingClient, on_full: OnFull | None) -> Iterator[Drawn]:
        """Resume the deck that was in progress at an interruption. What was not drawn is requested again later."""
        pending = self._record.pending
        if pending is None:
            return
        try:
            if pending.deck_id is None:
                pending = self._create(client, pending, on_full)
            yield from (drawn for drawn in self._follow(client, pending) if drawn[1] is None)
        except WritingError as error:
            # What was to be created may be at fault itself, and is not needed if the command has changed.
            is_obsolete = pending.deck_id is None and error.status is not None and not self._wanted(pending)
            if error.code == "deck_not_found" or is_obsolete:
                self._record.remember(None)
            elif self._record.pending is not None:
                raise

    def _wanted(self, pending: PendingDeck) -> set[str]:
        """Return the keys of a deck of the service whose pictures this deck lacks."""
        return {key for key in pending.keys if key in self._keys and self._record.drawing(key) is None}

    def _follow(self, client: WritingClient, pending: PendingDeck) -> Iterator[Drawn]:
        """Download the pictures of a deck of the service as its jobs end; cancel the deck if interrupted.

        An error of the service is passed on: the deck stays, and the next run resumes it.
        """
        deck = client.deck(str(pending.deck_id))
        try:
            self._record.remember(pending)
            yield from self._take_over(client, deck, pending)
        except (GeneratorExit, KeyboardInterrupt, OSError):
            deck.abandon()
            raise
        self._record.remember(None)

    def _take_over(self, client: WritingClient, deck: ServiceDeck, pending: PendingDeck) -> Iterator[Drawn]:
        indices = {key: index for index, key in enumerate(self._keys)}
        wanted = self._wanted(pending)
        left = {place: indices[key] for place, key in enumerate(pending.keys) if key in wanted}
        if len(left) < len(pending.keys):
            _cancel_others(client, deck, left)
        while left:
            view = deck.view()
            for word in view.words:
                if word.index in left and _has_ended(word):
                    index = left.pop(word.index)
                    yield self._rows[index], self._take(client, index, word)
            if left:
                time.sleep(POLL_S)

    def _take(self, client: WritingClient, index: int, word: DeckWordView) -> WritingError | None:
        """Store a word's picture, or return why there is none.

        Raises:
            WritingError: there is a picture, but it cannot be downloaded now.
        """
        if word.status == JobStatus.SUCCEEDED and word.job_id is not None:
            try:
                self._keep(index, word, result_of(client.job(word.job_id).view()))
            except WritingError as error:
                if error.code not in LOST:
                    raise
                return error
            return None
        if word.status == JobStatus.CANCELLED:
            return JobCancelled("someone else cancelled it")
        return JobFailed.of(word.error)

    def _keep(self, index: int, word: DeckWordView, result: AIGenerationResult) -> None:
        """Write a picture, then the record that names it."""
        picture = Picture(result)
        file = self._free_name(index)
        picture.save(self.folder / file)
        drawing = Drawing(
            word=self._rows[index].word,
            meaning=word.meaning,
            reading=word.reading,
            file=file,
            seed=picture.seed,
            scene_seed=picture.scene_seed,
            prompt=picture.prompt,
            legibility=picture.legibility,
        )
        self._record.keep(self._keys[index], drawing)

    def _free_name(self, index: int) -> str:
        """Return a name for a row's picture that is not in use by another row."""
        # Windows and macOS do not distinguish case.
        taken = {drawing.file.casefold() for key in self._keys if (drawing := self._record.drawing(key)) is not None}
        stem = f"{PICTURES}/{index + 1:0{len(str(len(self._rows)))}}-{safe_name(self._rows[index].word)}"
        name, number = f"{stem}.png", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}.png"
        return name


def package_fault(words: Sequence[str]) -> str | None:
    """Return why these words do not fit into one package; None if they do."""
    characters = sum(character >= FIRST_EAST_ASIAN for word in words for character in word)
    if len(words) > MAX_CARDS:
        return f"{len(words)} words; split the list: a deck has at most {MAX_CARDS}"
    if characters > MAX_CHARACTERS:
        return f"{characters} East Asian characters; split the list: a deck has at most {MAX_CHARACTERS}"
    return None


def fingerprint(request: Mapping[str, Any]) -> str:
    """Return a digest that identifies a request, regardless of the order of its fields."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def _digest(picture: Path) -> str:
    return hashlib.sha256(picture.read_bytes()).hexdigest()[:DIGEST_LENGTH]


def _has_ended(word: DeckWordView) -> bool:
    return word.status == "refused" or JobStatus(word.status).is_terminal


def _repeat(client: WritingClient, pending: PendingDeck) -> ServiceDeck:
    """Return the deck that a call creates, or has created before.

    Raises:
        WritingError: at once where the service has no room, so that the caller can say so.
    """
    call = pending.creation
    assert call is not None  # noqa: S101  # for mypy: the deck has no id yet
    return client.create_deck(
        call.words, name=call.name, idempotency_key=call.idempotency_key, waits_for_room=False, **call.options
    )


def _cancel_others(client: WritingClient, deck: ServiceDeck, wanted: Collection[int]) -> None:
    """Cancel the words of a deck that are not wanted any more, by their places in it."""
    if not wanted:
        deck.cancel()
        return
    for word in deck.view().words:
        if word.index not in wanted and word.job_id is not None and not _has_ended(word):
            client.job(word.job_id).abandon()


def _request(row: ListedRow, options: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {"style": row.style} if row.style is not None else {}
    if row.imagery:
        own["imagery"] = row.imagery if isinstance(row.imagery, str) else list(row.imagery)
    if row.language != "auto" and "language" not in options:
        own["language"] = row.language
    if row.translation_language != "auto" and "translation_language" not in options:
        own["translation_language"] = row.translation_language
    if row.reading and not row.translation:
        own["reading"] = row.reading  # it selects among the word's senses
    return {"word": row.word, "translation": row.translation, "include_conditioning": False, **options, **own}


def _word(request: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that are specific to its word."""
    return {
        name: value for name, value in request.items() if name != "include_conditioning" and options.get(name) != value
    }
