"""What goes between a worker and its picture processes: a piece of work, and its answer."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from worker.picture_work.work import PictureWork


@dataclass(frozen=True, slots=True)
class Answer:
    """What a piece of work gave, or what it raised."""

    value: Any = None
    error: Exception | None = None

    def get(self) -> Any:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(frozen=True, slots=True)
class Piece:
    """A method of `PictureWork` and its arguments."""

    method: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What is done, in a word."""
        return self.method.__name__

    def do(self, work: PictureWork) -> Any:
        """Do the piece here."""
        return self.method(work, *self.args, **self.kwargs)

    def answer(self, work: PictureWork) -> Answer:
        """Do the piece for another process, which gets an error with the traceback that it had here."""
        try:
            return Answer(self.do(work))
        except Exception as error:  # noqa: BLE001  # the process boundary: the worker raises it
            error.add_note(f"In a picture process:\n{traceback.format_exc()}")
            return Answer(error=error)
