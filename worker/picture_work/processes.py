"""Picture work in processes, so that it takes the interpreter's lock from no thread of the worker.

A process does one piece at a time. When it dies, it is known of what, and no other piece dies with it.
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

# How often a piece that waits for a process looks whether its job was cancelled.
LOOK_EVERY_S = 0.1


class Processes:
    """Does picture work in processes; a `Workplace`."""

    def __init__(self, count: int, settings: Settings, here: Threads) -> None:
        """Make room for processes; none is started yet.

        Args:
            count: how many, 1 or more.
            settings: what they work with.
            here: does what they cannot.
        """
        self.here = here
        self._desks = [Desk(settings, here.work) for _ in range(count)]
        # The desk used last goes first: its process has its memory warm.
        self._free: queue.LifoQueue[Desk] = queue.LifoQueue()
        for desk in self._desks:
            self._free.put(desk)

    def start(self) -> None:
        """Start the processes, which get ready by themselves."""
        for desk in self._desks:
            desk.start()

    def close(self) -> None:
        """End the processes, once nobody works with them."""
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
            Poisoned: `queue.max_deaths` processes died of it.
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
        """Wait for a free desk, until the job is cancelled."""
        while True:
            stop_if_cancelled(progress)
            try:
                return self._free.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                continue


class Desk:
    """The place of one process; another is started there when it has died."""

    def __init__(self, settings: Settings, work: PictureWork) -> None:
        """Take what processes work with, and what works here when none begins."""
        self._settings = settings
        self._work = work
        self._process: PictureProcess | None = None

    def start(self) -> None:
        """Start a process unless there is one; it gets ready by itself."""
        try:
            self._process = self._process or PictureProcess(self._settings)
        except OSError as error:
            logger.error("no picture process can be started: %s", error)  # noqa: TRY400  # the message says it all

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def do(self, piece: Piece) -> Any:
        """Return what a piece of work gives, or raise what it raises.

        A death may be another's fault, as where the kernel wants memory: the piece is tried again in a fresh process.

        Raises:
            Poisoned: `queue.max_deaths` processes died of it.
        """
        deaths: list[str] = []
        while len(deaths) < self._settings.queue.max_deaths and (process := self._ready()) is not None:
            try:
                return process.do(piece)
            except ProcessDied as death:
                self._process = None
                deaths.append(str(death))
                logger.warning("a picture process died, %s: %s", piece.name, death)
        if deaths:
            raise Poisoned(f"{len(deaths)} processes died one after another at this job's {piece.name}: {deaths[-1]}")
        return piece.do(self._work)

    def _ready(self) -> PictureProcess | None:
        """Return a process that can work; None: none begins, so whatever is wrong is not the job's fault."""
        self.start()
        try:
            if self._process is not None:
                self._process.wait_until_ready()
        except ProcessDied as death:
            self._process = None
            logger.error("no picture process begins: %s", death)  # noqa: TRY400  # the message says it all
        return self._process
