"""A deck on the service: follow it, cancel it, download it."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from writing_client.arguments import path_segment
from writing_client.connection import Connection
from writing_client.deadline import deadline_after
from writing_client.errors import WaitTimedOut, WritingError, WrongInput
from writing_client.models import DeckView, DeckWordView

PATH = "/api/writing/decks"
POLL_S = 0.5
MEDIA_TYPES: Mapping[str, str] = {"zip": "application/zip", "apkg": "application/octet-stream"}

OnDeckProgress = Callable[[DeckView], object]


class ServiceDeck:
    """A deck that was created; `id` identifies it to the service."""

    def __init__(self, connection: Connection, deck_id: str) -> None:
        self.id = deck_id
        self._connection = connection
        self._path = f"{PATH}/{path_segment('deck_id', deck_id)}"

    def view(self) -> DeckView:
        """Return the deck's current status, with each of its words.

        Raises:
            WritingError: `deck_not_found`.
        """
        return self._connection.fetch(DeckView, "GET", self._path)

    def wait(self, on_progress: OnDeckProgress | None = None, timeout_s: float | None = None) -> DeckView:
        """Wait until all words have ended, and return the deck's status, with each of its words.

        Args:
            on_progress: called in this thread with the deck's status, without its words, at each change of its counts.
            timeout_s: how long to wait; None to wait without limit.

        Raises:
            WaitTimedOut: the deck did not finish in time; it continues.
            WritingError: `deck_not_found`, or the service does not answer.
        """
        deadline = deadline_after(timeout_s)
        counts: dict[str, int] = {}
        while True:
            view = self._connection.fetch(DeckView, "GET", self._path, params={"words": "false"})
            if view.counts != counts and on_progress is not None:
                on_progress(view)
            if view.is_finished:
                return self.view()
            counts, left_s = view.counts, deadline - time.monotonic()
            if left_s <= 0:
                raise WaitTimedOut(f"deck {self.id} has not finished yet; it continues")
            time.sleep(min(POLL_S, left_s))

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
