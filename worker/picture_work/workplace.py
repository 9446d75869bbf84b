"""Where picture work runs: in threads of this process, or elsewhere."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from worker.picture_work.work import PictureWork
from worker.progress import ProgressSink, stop_if_cancelled

P = ParamSpec("P")
R = TypeVar("R")


class Workplace(Protocol):
    """Does pieces of picture work for jobs, many at a time."""

    @property
    def here(self) -> "Threads":
        """Threads of this process, for work that needs a model loaded only here."""

    def start(self) -> None:
        """Prepare for work."""

    def close(self) -> None:
        """Release all resources. Called once no job is running."""

    async def do(
        self,
        progress: ProgressSink,
        piece: Callable[Concatenate[PictureWork, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return the result of a piece of work, or raise its error.

        Args:
            progress: the job's; asked before the piece begins whether to stop.
            piece: a method of `PictureWork`.
            *args: its arguments.
            **kwargs: its keyword arguments.

        Raises:
            JobCancelled: `progress` reported a cancellation.
        """


class Threads:
    """A `Workplace` that does picture work in threads of this process.

    Attributes:
        work: the pieces.
    """

    def __init__(self, work: PictureWork) -> None:
        self.work = work

    @property
    def here(self) -> "Threads":
        """This workplace."""
        return self

    def start(self) -> None:
        """Do nothing: no preparation is needed."""

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    async def do(
        self,
        progress: ProgressSink,
        piece: Callable[Concatenate[PictureWork, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Do a piece of work in a thread; see `Workplace.do`."""
        stop_if_cancelled(progress)
        return await asyncio.to_thread(piece, self.work, *args, **kwargs)
