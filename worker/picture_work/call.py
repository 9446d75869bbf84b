"""The messages between a worker and its picture processes: a call, and its result."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from worker.picture_work.work import PictureWork


@dataclass(frozen=True, slots=True)
class CallResult:
    """The value that a call returned, or the error that it raised."""

    value: Any = None
    error: Exception | None = None

    def get(self) -> Any:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(frozen=True, slots=True)
class Call:
    """A method of `PictureWork` and its arguments."""

    method: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The method's name."""
        return self.method.__name__

    def do(self, work: PictureWork) -> Any:
        """Do the call in this process."""
        return self.method(work, *self.args, **self.kwargs)

    def result(self, work: PictureWork) -> CallResult:
        """Do the call for another process. An error keeps its traceback from this process."""
        try:
            return CallResult(self.do(work))
        except Exception as error:  # noqa: BLE001  # the process boundary: the worker raises it again
            error.add_note(f"In a picture process:\n{traceback.format_exc()}")
            return CallResult(error=error)
