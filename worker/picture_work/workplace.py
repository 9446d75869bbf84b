"""Where picture work is done: in threads of this process, or elsewhere."""

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
        """Threads of this process: for what needs a model that only this process has loaded."""

    def start(self) -> None:
        """Get ready."""

    def close(self) -> None:
        """Leave nothing running; called once no job is at work."""

    async def do(
        self,
        progress: ProgressSink,
        piece: Callable[Concatenate[PictureWork, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return what a piece of work gives; raises what it raises.

        Args:
            progress: of the job, asked whether to stop before the piece begins.
            piece: a method of `PictureWork`.
            *args: its arguments.
            **kwargs: its arguments by name.

        Raises:
            JobCancelled: `progress` said so.
        """


class Threads:
    """Does picture work in threads of this process; a `Workplace`.

    Attributes:
        work: the pieces.
    """

    def __init__(self, work: PictureWork) -> None:
        self.work = work

    @property
    def here(self) -> "Threads":
        """The same."""
        return self

    def start(self) -> None:
        """Nothing has to be made ready."""

    def close(self) -> None:
        """Nothing is left running."""

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
