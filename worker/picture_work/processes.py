"""Picture work in separate processes, so that it does not hold the GIL of the worker's threads.

A process does one piece at a time. If it dies, the piece responsible is known, and no other piece is lost.
"""

import asyncio
import logging
import queue
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from shared.errors import Poisoned
from shared.settings import Settings
from worker.picture_work.piece import Piece
from worker.picture_work.process import PictureProcess, ProcessDied
from worker.picture_work.work import PictureWork
from worker.picture_work.workplace import Threads
from worker.progress import ProgressSink, stop_if_cancelled

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# How often a piece that waits for a process checks whether its job was cancelled.
LOOK_EVERY_S = 0.1


class Processes:
    """A `Workplace` that does picture work in processes.

    Args:
        count: the number of processes, 1 or more.
        settings: for the processes.
        here: does the work that they cannot do.
    """

    def __init__(self, count: int, settings: Settings, here: Threads) -> None:
        self.here = here
        self._desks = [Desk(settings, here.work) for _ in range(count)]
        # Last in, first out: the process used last has warm memory.
        self._free: queue.LifoQueue[Desk] = queue.LifoQueue()
        for desk in self._desks:
            self._free.put(desk)

    def start(self) -> None:
        """Start the processes. They initialise in the background."""
        for desk in self._desks:
            desk.start()

    def close(self) -> None:
        """End the processes. Call it once no work is in progress."""
        for desk in self._desks:
            desk.close()

    async def do(
        self,
        progress: ProgressSink,
        piece: Callable[Concatenate[PictureWork, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Do a piece of work in a process; see `Workplace.do`.

        Raises:
            Poisoned: the piece killed `queue.max_deaths` processes.
        """
        result: R = await asyncio.to_thread(self._do, progress, Piece(piece, args, kwargs))
        return result

    def _do(self, progress: ProgressSink, piece: Piece) -> Any:
        desk = self._take(progress)
        try:
            return desk.do(piece)
        finally:
            self._free.put(desk)

    def _take(self, progress: ProgressSink) -> "Desk":
        """Wait for a free desk. Stop waiting if the job is cancelled."""
        while True:
            stop_if_cancelled(progress)
            try:
                return self._free.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                continue


class Desk:
    """A slot for one process, which is replaced when it dies.

    Args:
        settings: for the processes.
        work: does the work in this process if no process starts.
    """

    def __init__(self, settings: Settings, work: PictureWork) -> None:
        self._settings = settings
        self._work = work
        self._process: PictureProcess | None = None

    def start(self) -> None:
        """Start a process unless there is one. It initialises in the background."""
        try:
            self._process = self._process or PictureProcess(self._settings)
        except OSError as error:
            logger.error("cannot start a picture process: %s", error)  # noqa: TRY400  # the message suffices

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def do(self, piece: Piece) -> Any:
        """Return the result of a piece of work, or raise its error.

        A death may have another cause, such as the kernel running out of memory, so the piece is retried in a new
        process.

        Raises:
            Poisoned: the piece killed `queue.max_deaths` processes.
        """
        deaths: list[str] = []
        while len(deaths) < self._settings.queue.max_deaths and (process := self._ready()) is not None:
            try:
                return process.do(piece)
            except ProcessDied as death:
                self._process = None
                deaths.append(str(death))
                logger.warning("a picture process died during %s: %s", piece.name, death)
        if deaths:
            raise Poisoned(f"{len(deaths)} processes in a row died during this job's {piece.name}: {deaths[-1]}")
        return piece.do(self._work)

    def _ready(self) -> PictureProcess | None:
        """Return a process that is ready, or None if none starts, which is not the job's fault."""
        self.start()
        try:
            if self._process is not None:
                self._process.wait_until_ready()
        except ProcessDied as death:
            self._process = None
            logger.error("a picture process died while starting: %s", death)  # noqa: TRY400  # the message suffices
        return self._process
