"""The file ``deck.json`` of a deck's folder: its pictures, and the deck of the service that is in progress."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from writing_client.errors import WrongInput
from writing_client.files import write_atomically

FILE = "deck.json"


class Drawing(BaseModel):
    """A picture in the folder.

    Attributes:
        word: the word that it shows.
        meaning: the word's meaning on the card, from the row or else from the lexicon.
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


class Creation(BaseModel):
    """A call of `WritingClient.create_deck`. Repeated with its Idempotency-Key, it returns the same deck."""

    model_config = ConfigDict(frozen=True)

    idempotency_key: str
    name: str
    words: tuple[dict[str, Any], ...]
    options: dict[str, Any]


class PendingDeck(BaseModel):
    """A deck of the service that was not fully downloaded.

    Attributes:
        keys: the keys of its words, in order.
        deck_id: its id; None until the service has answered.
        creation: the call to repeat for the answer; None once there is one.
    """

    model_config = ConfigDict(frozen=True)

    keys: tuple[str, ...]
    deck_id: str | None = None
    creation: Creation | None = None


class DeckRecord:
    """The record of a deck's folder. Every change is written at once."""

    def __init__(self, folder: Path) -> None:
        """Read the record.

        Args:
            folder: the deck's folder, created by the first change.

        Raises:
            WrongInput: the record is broken.
        """
        self._folder = folder
        self._drawings, self._pending = _read(folder / FILE)

    @property
    def pending(self) -> PendingDeck | None:
        """The deck in progress at the last interruption; None if there is none."""
        return self._pending

    def drawing(self, key: str) -> Drawing | None:
        """Return a request's picture, if it is recorded and its file exists."""
        drawing = self._drawings.get(key)
        return drawing if drawing is not None and (self._folder / drawing.file).is_file() else None

    def keep(self, key: str, drawing: Drawing) -> None:
        """Record a request's picture. One that had its name before no longer belongs to a row."""
        taken = drawing.file.casefold()
        kept = {other: old for other, old in self._drawings.items() if old.file.casefold() != taken}
        self._drawings = kept | {key: drawing}
        self._write()

    def remember(self, pending: PendingDeck | None) -> None:
        """Record the deck in progress; None if there is none any more."""
        self._pending = pending
        self._write()

    def _write(self) -> None:
        document: dict[str, Any] = {"drawings": {key: drawing.model_dump() for key, drawing in self._drawings.items()}}
        if self._pending is not None:
            document["under_way"] = self._pending.model_dump(exclude_none=True)
        write_atomically(self._folder / FILE, json.dumps(document, ensure_ascii=False, indent=1).encode())


def _read(path: Path) -> tuple[Mapping[str, Drawing], PendingDeck | None]:
    if not path.exists():
        return {}, None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        pending = document.get("under_way")
        drawings = {key: Drawing.model_validate(entry) for key, entry in document["drawings"].items()}
        return drawings, None if pending is None else PendingDeck.model_validate(pending)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise WrongInput(f"{path} cannot be read ({error}); move it away to draw the deck from scratch") from error
