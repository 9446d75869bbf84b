"""Run a job's native code in a process that may crash.

If a job crashed one worker, running it would crash another, together with that worker's other jobs. A quarantined job
is therefore rehearsed first, by `worker.rehearsal_server`.
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

MODULE = "worker.rehearsal_server"
# Several times the duration on a slow machine. A timeout does not prove a crash.
TIMEOUT_S = 120.0
# Signals caused by the process itself. SIGKILL is not among them: it may come from the kernel when memory runs out, or
# from an operator, and proves nothing.
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
    """Rehearses requests one after another in a process, started with the first request and again after a crash.

    Use it as a context manager: the process ends with the block.
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
            The name of the signal that killed the process; None if it survived or the result is inconclusive.
        """
        try:
            if self._process is None:
                self._process = _start()
                if not _answers(self._process):  # a crash before the request is not the request's fault
                    logger.warning("rehearsal could not start")
                    self._end()
                    return None
            _ask(self._process, request)
            if _answers(self._process):
                return None
        except OSError as error:
            logger.warning("rehearsal did not finish: %s", error)
        died_of = -self._end()
        return signal.Signals(died_of).name if died_of in CRASHES else None

    def _end(self) -> int:
        """End the process; return its exit code, which is negative if a signal killed it."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()  # has no effect if it is already dead
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # unsent data for a dead process
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
    """Return whether the process reports in time that it is ready for the next request."""
    if process.stdout is None or not select.select([process.stdout], [], [], TIMEOUT_S)[0]:
        return False
    if process.stdout.readline():
        return True
    process.wait()  # it has closed its side, so it is ending
    return False
