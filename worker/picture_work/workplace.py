"""Where picture work is done: in threads of this process, or elsewhere."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from worker.picture_work.work import PictureWork
from worker.progress import ProgressSink, stop_if_cancelled

P = ParamSpec("P")
R = TypeVar("R")


class Workplace(Protocol):
    """Does pieces of picture work for a job, many at a time."""

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
    """Work in threads of this process."""

    def __init__(self, work: PictureWork) -> None:
        self._work = work

    async def do(
        self,
        progress: ProgressSink,
        piece: Callable[Concatenate[PictureWork, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Do a piece of work in a thread; see `Workplace.do`."""
        stop_if_cancelled(progress)
        return await asyncio.to_thread(piece, self._work, *args, **kwargs)
