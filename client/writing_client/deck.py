"""A folder of pictures for a list of words; ``deck.json`` records its contents.

The service draws the missing pictures as its own decks. The one in progress is recorded too, so that a client that was
killed finds it again.
"""

import hashlib
import json
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from writing_client.errors import JobCancelled, JobFailed, WritingError, WrongInput
from writing_client.file_name import safe_name
from writing_client.files import write_atomically
from writing_client.job import result_of
from writing_client.models import AIGenerationResult, CardText, DeckWordView, JobStatus, ListedRow
from writing_client.picture import Picture
from writing_client.service_deck import ServiceDeck
from writing_client.writing_client import WritingClient

STATE = "deck.json"
PICTURES = "pictures"
POLL_S = 0.5
MAX_WORDS = 500  # in one deck of the service
DIGEST_LENGTH = 24
Drawn = tuple[ListedRow, WritingError | None]


class Drawing(BaseModel):
    """A picture in the folder.

    Attributes:
        word: the word that it shows.
        meaning: the word's meaning, from the row or else from the lexicon.
        reading: the word's reading, from the lexicon.
        file: its path, relative to the deck's folder.
        seed, scene_seed: the seeds that reproduce it; without `scene_seed`, `seed` is used for both.
        prompt: the prompt that was used.
        legibility: 0 to 1; None if it was not judged.
    """

    model_config = ConfigDict(frozen=True)

    word: str
    meaning: str
    reading: str = ""
    file: str
    seed: int
    scene_seed: int | None = None
    prompt: str
    legibility: float | None


class PendingDeck(BaseModel):
    """A deck of the service that was not fully downloaded: its id and the keys of its words, in order."""

    model_config = ConfigDict(frozen=True)

    deck_id: str
    keys: tuple[str, ...]


class Deck:
    """The pictures of a list of words, all drawn with the same options."""

    def __init__(
        self, folder: Path, rows: Sequence[ListedRow], options: Mapping[str, Any], name: str = "Words"
    ) -> None:
        """Read the folder's record.

        Args:
            folder: the deck's folder, created when the first picture is written.
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
        self._drawings, self._pending = _read_state(folder / STATE)

    @property
    def missing(self) -> list[int]:
        """The indices of the rows that have no picture yet, or whose request has changed since."""
        return [index for index, key in enumerate(self._keys) if self._drawing(key) is None]

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
                meaning=drawing.meaning,
                prompt=drawing.prompt,
                file=drawing.file,
                digest=_digest(self.folder / drawing.file),
            )
            for row, key in zip(self._rows, self._keys, strict=True)
            if (drawing := self._drawing(key)) is not None
        ]

    def draw(self, client: WritingClient) -> Generator[Drawn, None, None]:
        """Have the missing pictures drawn; yield each row once its picture is written, or with its error.

        Each picture is recorded at once, so that the next call resumes wherever this one ends. Closing the iterator
        cancels what is not drawn.

        Raises:
            WritingError: an error that affects all rows: the service does not answer, or refuses the list.
        """
        yield from self._resume(client)
        tried: set[str] = set()
        while places := self._untried(tried):
            tried.update(places)
            words = [_word(self._requests[index], self._options) for index in places.values()]
            try:
                deck = client.create_deck(words, name=self.name, **self._options)
            except WritingError as error:
                if error.code != "no_drawable_word":
                    raise
                yield from self._refused(places.values(), error)
            else:
                yield from self._follow(client, PendingDeck(deck_id=deck.id, keys=tuple(places)))

    def _untried(self, tried: Collection[str]) -> dict[str, int]:
        """Return missing keys that were not tried, at most as many as fit in a deck, each with one of its rows."""
        missing = {self._keys[index]: index for index in self.missing if self._keys[index] not in tried}
        return dict(islice(missing.items(), MAX_WORDS))

    def _refused(self, indices: Iterable[int], error: WritingError) -> Iterator[Drawn]:
        """Yield rows of which the service can draw none, each with its own reason."""
        for index, fault in zip(indices, error.errors, strict=True):
            yield self._rows[index], WritingError(str(fault["message"]), code=str(fault["code"]), status=error.status)

    def _resume(self, client: WritingClient) -> Iterator[Drawn]:
        """Resume the deck that was in progress at an interruption. What was not drawn is requested again later."""
        left = self._pending
        if left is None:
            return
        try:
            yield from (drawn for drawn in self._follow(client, left) if drawn[1] is None)
        except WritingError as error:
            if error.code != "deck_not_found":
                raise
            self._remember(None)

    def _follow(self, client: WritingClient, pending: PendingDeck) -> Iterator[Drawn]:
        """Download the pictures of a deck of the service as its jobs end; cancel the deck if interrupted."""
        deck = client.deck(pending.deck_id)
        self._remember(pending)
        is_over = False
        try:
            yield from self._take_over(client, deck, pending)
            is_over = True
        finally:
            if is_over:
                self._remember(None)
            else:
                deck.abandon()

    def _take_over(self, client: WritingClient, deck: ServiceDeck, pending: PendingDeck) -> Iterator[Drawn]:
        indices = {key: index for index, key in enumerate(self._keys)}
        wanted = {key for key in pending.keys if key in indices and self._drawing(key) is None}
        left = {place: indices[key] for place, key in enumerate(pending.keys) if key in wanted}
        while left:
            view = deck.view()
            for word in view.words:
                if word.index in left and _has_ended(word):
                    index = left.pop(word.index)
                    yield self._rows[index], self._take(client, index, word)
            if left:
                time.sleep(POLL_S)

    def _take(self, client: WritingClient, index: int, word: DeckWordView) -> WritingError | None:
        """Store a word's picture, or return why there is none."""
        if word.status == JobStatus.SUCCEEDED and word.job_id is not None:
            try:
                self._keep(index, result_of(client.job(word.job_id).view()))
            except WritingError as error:
                if error.concerns_all:
                    raise
                return error
            return None
        if word.status == JobStatus.CANCELLED:
            return JobCancelled("someone else cancelled it")
        return JobFailed.of(word.error)

    def _keep(self, index: int, result: AIGenerationResult) -> None:
        """Write a picture, then the record that names it."""
        picture = Picture(result)
        file = self._free_name(index)
        picture.save(self.folder / file)
        # A picture that had this name before no longer belongs to a row.
        kept = {key: drawing for key, drawing in self._drawings.items() if drawing.file.casefold() != file.casefold()}
        drawing = Drawing(
            word=self._rows[index].word,
            meaning=self._rows[index].translation or str(picture.metadata.get("translation", "")),
            reading=str(picture.metadata.get("reading") or ""),
            file=file,
            seed=picture.seed,
            scene_seed=picture.scene_seed,
            prompt=picture.prompt,
            legibility=picture.legibility,
        )
        self._drawings = kept | {self._keys[index]: drawing}
        self._write_state()

    def _remember(self, pending: PendingDeck | None) -> None:
        self._pending = pending
        self._write_state()

    def _write_state(self) -> None:
        pending = None if self._pending is None else self._pending.model_dump()
        document = {
            "drawings": {key: drawing.model_dump() for key, drawing in self._drawings.items()},
            **({"under_way": pending} if pending is not None else {}),
        }
        write_atomically(self.folder / STATE, json.dumps(document, ensure_ascii=False, indent=1).encode())

    def _free_name(self, index: int) -> str:
        """Return a name for a row's picture that is not in use by another row."""
        # Windows and macOS do not distinguish case.
        taken = {drawing.file.casefold() for key in self._keys if (drawing := self._drawing(key)) is not None}
        stem = f"{PICTURES}/{index + 1:0{len(str(len(self._rows)))}}-{safe_name(self._rows[index].word)}"
        name, number = f"{stem}.png", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}.png"
        return name

    def _drawing(self, key: str) -> Drawing | None:
        """Return a request's picture, if it is recorded and its file exists."""
        drawing = self._drawings.get(key)
        return drawing if drawing is not None and (self.folder / drawing.file).is_file() else None


def fingerprint(request: Mapping[str, Any]) -> str:
    """Return a digest that identifies a request, regardless of the order of its fields."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def _digest(picture: Path) -> str:
    return hashlib.sha256(picture.read_bytes()).hexdigest()[:DIGEST_LENGTH]


def _has_ended(word: DeckWordView) -> bool:
    return word.status == "refused" or JobStatus(word.status).is_terminal


def _request(row: ListedRow, options: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {"style": row.style} if row.style is not None else {}
    if row.imagery:
        own["imagery"] = row.imagery if isinstance(row.imagery, str) else list(row.imagery)
    if row.reading and not row.translation:
        own["reading"] = row.reading  # it selects among the word's senses
    return {"word": row.word, "translation": row.translation, "include_conditioning": False, **options, **own}


def _word(request: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that are specific to its word."""
    return {
        name: value for name, value in request.items() if name != "include_conditioning" and options.get(name) != value
    }


def _read_state(path: Path) -> tuple[dict[str, Drawing], PendingDeck | None]:
    if not path.exists():
        return {}, None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        pending = document.get("under_way")
        drawings = {key: Drawing.model_validate(entry) for key, entry in document["drawings"].items()}
        return drawings, None if pending is None else PendingDeck.model_validate(pending)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise WrongInput(f"{path} cannot be read ({error}); move it away to draw the deck from scratch") from error
