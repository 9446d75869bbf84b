"""A deck on the service: follow it, cancel it, download it."""

from collections.abc import Mapping
from contextlib import suppress

from writing_client.connection import Connection
from writing_client.errors import WritingError, WrongInput
from writing_client.models import DeckView, DeckWordView

PATH = "/api/writing/decks"
MEDIA_TYPES: Mapping[str, str] = {"zip": "application/zip", "apkg": "application/octet-stream"}


class ServiceDeck:
    """A deck that was created; `id` identifies it to the service."""

    def __init__(self, connection: Connection, deck_id: str) -> None:
        self.id = deck_id
        self._connection = connection
        self._path = f"{PATH}/{deck_id}"

    def view(self) -> DeckView:
        """Return the deck's current status, with each of its words.

        Raises:
            WritingError: `deck_not_found`.
        """
        return self._connection.fetch(DeckView, "GET", self._path)

    def replace(self, index: int, job_id: str, *, variation: int | None = None) -> DeckWordView:
        """Give a word another picture, or a refused word its first one, and return the word. Safe to repeat.

        Args:
            index: the word's position in the list, from 0.
            job_id: a job that draws the word. It need not have ended; the deck is not finished until it has.
            variation: which of the job's variations; None for the one that it chose.

        Raises:
            WritingError: `different_word`, `deck_word_not_found`, `job_not_found`, `variation_not_found`,
                `job_without_picture`, `result_expired`.
        """
        document = {"job_id": job_id, "variation": variation}
        return self._connection.fetch(DeckWordView, "PUT", f"{self._path}/words/{index}", json=document)

    def cancel(self, *, is_retried: bool = True) -> DeckView:
        """Cancel the jobs that have not ended, and return the deck's status. Finished pictures stay.

        Raises:
            WritingError: `deck_not_found`.
        """
        return self._connection.fetch(DeckView, "DELETE", self._path, is_retried=is_retried)

    def abandon(self) -> None:
        """Cancel the deck, which is no longer needed, if the service can be reached."""
        with suppress(WritingError):
            self.cancel(is_retried=False)

    def download(self, suffix: str) -> bytes:
        """Return the finished deck as a file: "zip" for pictures and a contact sheet, or "apkg" for Anki.

        Raises:
            WrongInput: there is no such file.
            WritingError: `deck_not_finished`, `deck_expired`, `deck_without_pictures`.
        """
        if suffix not in MEDIA_TYPES:
            raise WrongInput(f"a deck has no file {suffix!r}; available: {', '.join(MEDIA_TYPES)}")
        return self._connection.download(MEDIA_TYPES[suffix], "GET", f"{self._path}.{suffix}")
