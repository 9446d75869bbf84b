"""Picture work in separate processes, so that it does not hold the GIL of the worker's threads.

A process does one call at a time. If it dies, the call responsible is known, and no other call is lost.
"""

import asyncio
import logging
import queue
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from shared.errors import JobCancelled, Poisoned
from shared.settings import Settings
from worker.picture_work.call import Call
from worker.picture_work.executor import ThreadExecutor
from worker.picture_work.process import CHECK_EVERY_S, PictureProcess, ProcessDied
from worker.picture_work.work import PictureWork
from worker.progress import ProgressSink, stop_if_cancelled

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class ProcessExecutor:
    """An `Executor` that does picture work in processes.

    Args:
        count: the number of processes, 1 or more.
        settings: for the processes.
        local: does the work that they cannot do.
    """

    def __init__(self, count: int, settings: Settings, local: ThreadExecutor) -> None:
        self.local = local
        self._slots = [ProcessSlot(settings, local.work) for _ in range(count)]
        # Last in, first out: the process used last has warm memory.
        self._free: queue.LifoQueue[ProcessSlot] = queue.LifoQueue()
        for slot in self._slots:
            self._free.put(slot)

    def start(self) -> None:
        """Start the processes. They initialise in the background."""
        for slot in self._slots:
            slot.start()

    def stop(self) -> None:
        """End the processes. Call it once no work is in progress."""
        for slot in self._slots:
            slot.stop()

    async def do(
        self,
        progress: ProgressSink,
        function: Callable[Concatenate[PictureWork, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Do a call in a process; see `Executor.do`.

        Raises:
            Poisoned: the call killed `queue.max_deaths` processes.
        """
        result: R = await asyncio.to_thread(self._do, progress, Call(function, args, kwargs))
        return result

    def _do(self, progress: ProgressSink, call: Call) -> Any:
        slot = self._take(progress)
        try:
            return slot.do(call, progress)
        finally:
            self._free.put(slot)

    def _take(self, progress: ProgressSink) -> "ProcessSlot":
        """Wait for a free slot. Stop waiting if the job is cancelled."""
        while True:
            stop_if_cancelled(progress)
            try:
                return self._free.get(timeout=CHECK_EVERY_S)
            except queue.Empty:
                continue


class ProcessSlot:
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

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def do(self, call: Call, progress: ProgressSink) -> Any:
        """Return the result of a call, or raise its error.

        A death may have another cause, such as the kernel running out of memory, so the call is retried in a new
        process.

        Raises:
            Poisoned: the call killed `queue.max_deaths` processes.
            JobCancelled: the job was cancelled, and the call takes unusually long.
        """
        deaths: list[str] = []
        while len(deaths) < self._settings.queue.max_deaths and (process := self._ready(progress)) is not None:
            try:
                return process.do(call, progress)
            except JobCancelled:
                self.stop()
                raise
            except ProcessDied as death:
                self._process = None
                deaths.append(str(death))
                logger.warning("a picture process died during %s: %s", call.name, death)
        if deaths:
            raise Poisoned(f"{len(deaths)} processes in a row died during this job's {call.name}: {deaths[-1]}")
        return call.do(self._work)

    def _ready(self, progress: ProgressSink) -> PictureProcess | None:
        """Return a process that is ready, or None if none starts, which is not the job's fault."""
        self.start()
        try:
            if self._process is not None:
                self._process.wait_until_ready(progress)
        except ProcessDied as death:
            self._process = None
            logger.error("a picture process died while starting: %s", death)  # noqa: TRY400  # the message suffices
        return self._process
