"""A picture process, as seen by the worker that started it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from multiprocessing import Pipe
from typing import Any

from shared.settings import Settings
from worker.picture_work.call import Call, CallResult
from worker.progress import ProgressSink, stop_if_cancelled

MODULE = "worker.picture_work.server"
# Many times the longest call, or a start, on a slow machine.
TIMEOUT_S = 120.0
# A call that takes longer may never end, so its job is asked whether it was cancelled.
USUAL_S = 5.0
CHECK_EVERY_S = 0.1


class ProcessDied(Exception):
    """A picture process ended, or did not answer in time."""


class PictureProcess:
    """A process that does picture work, for one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        """Start the process. It initialises in the background.

        Args:
            settings: for the process.

        Raises:
            OSError: the process cannot be started.
        """
        self._connection, theirs = Pipe()
        self._is_ready = False
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the worker, which ends it
            )
        self._connection.send(settings)
        # A transfer waits as long as the process reads or writes nothing, so it has a thread of its own.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="picture-process")

    def wait_until_ready(self, progress: ProgressSink) -> None:
        """Wait until the process is ready.

        Raises:
            ProcessDied: it died or timed out before it was ready.
            JobCancelled: the job that waits was cancelled.
        """
        if not self._is_ready:
            self._wait_for(self._connection.recv, progress)
            self._is_ready = True

    def do(self, call: Call, progress: ProgressSink) -> Any:
        """Return the result of a call, or raise its error.

        Raises:
            ProcessDied: the process died during the work.
            JobCancelled: the job was cancelled, and the call takes unusually long. Its answer is still to come, so the
                process must be ended.
        """
        result: CallResult = self._wait_for(partial(self._exchange, call), progress)
        return result.get()

    def end(self) -> str:
        """End the process; return the cause of its death."""
        self._process.kill()  # has no effect if it is already dead
        code = self._process.wait()
        self._thread.shutdown()  # a transfer ends with the process
        self._connection.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _exchange(self, call: Call) -> Any:
        self._connection.send(call)
        return self._connection.recv()

    def _wait_for(self, transfer: Callable[[], Any], progress: ProgressSink) -> Any:
        answer = self._thread.submit(transfer)
        if not self._has_come(answer, progress):
            self.end()
            raise ProcessDied(f"no response within {TIMEOUT_S:.0f} s")
        try:
            return answer.result()
        except (EOFError, OSError):
            raise ProcessDied(self.end()) from None

    @staticmethod
    def _has_come(answer: Future[Any], progress: ProgressSink) -> bool:
        """Wait for an answer; return whether it came in time."""
        deadline = time.monotonic() + TIMEOUT_S
        wait([answer], min(USUAL_S, TIMEOUT_S))
        while not answer.done() and time.monotonic() < deadline:
            stop_if_cancelled(progress)
            wait([answer], CHECK_EVERY_S)
        return answer.done()
