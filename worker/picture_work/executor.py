"""Picture work runs in an executor: threads of this process, or other processes."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from worker.picture_work.work import PictureWork
from worker.progress import ProgressSink, stop_if_cancelled

P = ParamSpec("P")
R = TypeVar("R")


class Executor(Protocol):
    """Runs calls of `PictureWork` for jobs, many at a time."""

    @property
    def local(self) -> "ThreadExecutor":
        """An executor in this process, for work that needs a model loaded only here."""

    def start(self) -> None:
        """Prepare for work."""

    def stop(self) -> None:
        """Release all resources. Called once no job is running."""

    async def do(
        self,
        progress: ProgressSink,
        function: Callable[Concatenate[PictureWork, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return the result of a call, or raise its error.

        Args:
            progress: the job's; asked before the call begins whether to stop.
            function: a method of `PictureWork`.
            *args: its arguments.
            **kwargs: its keyword arguments.

        Raises:
            JobCancelled: `progress` reported a cancellation.
        """


class ThreadExecutor:
    """An `Executor` that does picture work in threads of this process.

    Attributes:
        work: what is called.
    """

    def __init__(self, work: PictureWork) -> None:
        self.work = work

    @property
    def local(self) -> "ThreadExecutor":
        """This executor."""
        return self

    def start(self) -> None:
        """Do nothing: no preparation is needed."""

    def stop(self) -> None:
        """Do nothing: there is nothing to release."""

    async def do(
        self,
        progress: ProgressSink,
        function: Callable[Concatenate[PictureWork, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Do a call in a thread; see `Executor.do`."""
        stop_if_cancelled(progress)
        return await asyncio.to_thread(function, self.work, *args, **kwargs)
