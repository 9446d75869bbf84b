"""A job's native code, run in a process that may die of it.

A worker that runs what crashed another would die as well, and its other jobs with it. So a quarantined job is rehearsed
first, by `worker.understudy`.
"""

import logging
import select
import signal
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

from shared.schemas import GenerationRequest

logger = logging.getLogger(__name__)

MODULE = "worker.understudy"
# Several times what it takes on a slow machine. One that takes longer says nothing of crashes.
TIMEOUT_S = 120.0
# A process dies of these by what it does itself. SIGKILL is not among them: it may come from the kernel, which wants
# memory, or from a hand, and proves nothing.
CRASHES = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)


class RehearsalProcess:
    """Rehearses one request after another in a process that is started at the first, and again when it has died.

    A context manager: the process ends with the block.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def rehearse(self, request: GenerationRequest) -> str | None:
        """Run a request's native code.

        Returns:
            The name of the signal that the process died of; None if it did not, or if nothing can be said.
        """
        try:
            if self._process is None:
                self._process = _start()
                if not _answers(self._process):  # what it dies of before it has a request is not the request's fault
                    logger.warning("no rehearsal could begin")
                    self._end()
                    return None
            _ask(self._process, request)
            if _answers(self._process):
                return None
        except OSError as error:
            logger.warning("rehearsal came to no end: %s", error)
        died_of = -self._end()
        return signal.Signals(died_of).name if died_of in CRASHES else None

    def _end(self) -> int:
        """End the process; return its exit code, negative for the signal that it has died of."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()  # to no effect on one that has died
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # what was not sent to one that has died
                    stream.close()
        return process.wait()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the worker, which ends it
    )


def _ask(process: subprocess.Popen[bytes], request: GenerationRequest) -> None:
    if process.stdin is not None:
        process.stdin.write(request.model_dump_json(exclude_defaults=True).encode() + b"\n")
        process.stdin.flush()


def _answers(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the process says in time that it is ready for the next request."""
    if process.stdout is None or not select.select([process.stdout], [], [], TIMEOUT_S)[0]:
        return False
    if process.stdout.readline():
        return True
    process.wait()  # it has closed its side: it dies
    return False
