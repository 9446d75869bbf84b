"""A folder of pictures for a list of words, that remembers what it has: ``deck.json``."""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from client.errors import WritingError, WrongInput
from client.files import safe_name, write_atomically
from client.imagery import read_imagery
from client.picture import Picture
from client.word_list import Row
from client.writing_client import WritingClient
from shared.schemas import AIGenerationResult

STATE = "deck.json"
PICTURES = "pictures"


class Drawing(BaseModel):
    """A picture that the deck has.

    Attributes:
        word: what it shows.
        meaning: the word's, as the row or else the lexicon says it.
        file: relative to the deck's folder.
        seed: what draws it again.
        prompt: likewise.
        legibility: 0 to 1; None: not judged.
    """

    model_config = ConfigDict(frozen=True)

    word: str
    meaning: str
    file: str
    seed: int
    prompt: str
    legibility: float | None


class Card(BaseModel):
    """A word with its picture, as the contact sheet and Anki show it."""

    model_config = ConfigDict(frozen=True)

    word: str
    reading: str
    meaning: str
    picture: Path
    drawing: Drawing


class Deck:
    """The pictures of a list of words, all drawn with the same options."""

    def __init__(self, folder: Path, rows: Sequence[Row], options: Mapping[str, Any]) -> None:
        """Read what the folder has.

        Args:
            folder: made when the first picture is written.
            rows: the words, in the order of the deck.
            options: fields of `GenerationRequest` for all words; a row's own style and imagery go before.

        Raises:
            WrongInput: the folder's record is broken.
        """
        self.folder = folder
        self._rows = rows
        self._requests = [_request(row, options) for row in rows]
        self._keys = [fingerprint(request) for request in self._requests]
        self._drawings = _read_state(folder / STATE)

    @property
    def missing(self) -> list[int]:
        """The rows, by index, that have no picture yet, or whose request has changed since."""
        return [index for index, key in enumerate(self._keys) if self._drawing(key) is None]

    @property
    def cards(self) -> list[Card]:
        """The words that have their picture, in the order of the deck."""
        return [
            Card(
                word=row.word,
                reading=row.reading,
                meaning=drawing.meaning,
                picture=self.folder / drawing.file,
                drawing=drawing,
            )
            for row, key in zip(self._rows, self._keys, strict=True)
            if (drawing := self._drawing(key)) is not None
        ]

    def draw(self, client: WritingClient, concurrency: int) -> Generator[tuple[Row, WritingError | None], None, None]:
        """Draw what is missing; return each row when its picture is written, or with the error that it met.

        Each picture is recorded at once: whenever this ends, the next call goes on from there. Closing the iterator
        cancels what is in flight.

        Raises:
            WritingError: one that concerns all rows, as of `WritingClient.batch`.
        """
        missing = self.missing
        requests = [self._requests[index] for index in missing]
        with closing(client.batch(requests, concurrency=concurrency)) as outcomes:
            for outcome in outcomes:
                index = missing[outcome.index]
                if outcome.result is not None:
                    self._keep(index, outcome.result)
                yield self._rows[index], outcome.error

    def _keep(self, index: int, result: AIGenerationResult) -> None:
        """Write a picture, and then the record that names it."""
        picture = Picture(result)
        file = self._free_name(index)
        picture.save(self.folder / file)
        # Whatever had this name before belongs to no row any more.
        kept = {key: drawing for key, drawing in self._drawings.items() if drawing.file != file}
        drawing = Drawing(
            word=self._rows[index].word,
            meaning=self._rows[index].translation or str(picture.metadata.get("translation", "")),
            file=file,
            seed=picture.seed,
            prompt=picture.prompt,
            legibility=picture.legibility,
        )
        self._drawings = kept | {self._keys[index]: drawing}
        _write_state(self.folder / STATE, self._drawings)

    def _free_name(self, index: int) -> str:
        """Return a name for a row's picture that no other row's picture has."""
        taken = {drawing.file for key in self._keys if (drawing := self._drawing(key)) is not None}
        stem = f"{PICTURES}/{index + 1:0{len(str(len(self._rows)))}}-{safe_name(self._rows[index].word)}"
        name, number = f"{stem}.png", 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}.png"
        return name

    def _drawing(self, key: str) -> Drawing | None:
        """Return a request's picture, if it is recorded and still there."""
        drawing = self._drawings.get(key)
        return drawing if drawing is not None and (self.folder / drawing.file).is_file() else None


def fingerprint(request: Mapping[str, Any]) -> str:
    """Return what tells one request from another; the order of its fields does not matter."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def _request(row: Row, options: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {"style": row.style} if row.style is not None else {}
    if row.imagery:
        own["imagery"] = read_imagery(row.imagery)
    return {"word": row.word, "translation": row.translation, "include_conditioning": False, **options, **own}


def _read_state(path: Path) -> dict[str, Drawing]:
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {key: Drawing.model_validate(entry) for key, entry in document["drawings"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise WrongInput(f"{path} cannot be read ({error}); move it away to draw the deck anew") from error


def _write_state(path: Path, drawings: Mapping[str, Drawing]) -> None:
    document = {"drawings": {key: drawing.model_dump() for key, drawing in drawings.items()}}
    write_atomically(path, json.dumps(document, ensure_ascii=False, indent=1).encode())
