"""A picture process, as seen by the worker that started it."""

import signal
import subprocess
import sys
import time
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

    def wait_until_ready(self, progress: ProgressSink) -> None:
        """Wait until the process is ready.

        Raises:
            ProcessDied: it died or timed out before it was ready.
            JobCancelled: the job that waits was cancelled.
        """
        if not self._is_ready:
            self._receive(progress)
            self._is_ready = True

    def do(self, call: Call, progress: ProgressSink) -> Any:
        """Return the result of a call, or raise its error.

        Raises:
            ProcessDied: the process died during the work.
            JobCancelled: the job was cancelled, and the call takes unusually long. Its answer is still to come, so the
                process must be ended.
        """
        try:
            self._connection.send(call)
        except OSError:
            raise ProcessDied(self.end()) from None
        result: CallResult = self._receive(progress)
        return result.get()

    def end(self) -> str:
        """End the process; return the cause of its death."""
        self._connection.close()
        self._process.kill()  # has no effect if it is already dead
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _receive(self, progress: ProgressSink) -> Any:
        try:
            if self._has_answered(progress):
                return self._connection.recv()
        except (EOFError, OSError):
            raise ProcessDied(self.end()) from None
        self.end()
        raise ProcessDied(f"no response within {TIMEOUT_S:.0f} s")

    def _has_answered(self, progress: ProgressSink) -> bool:
        """Wait for an answer; return whether it came in time."""
        deadline = time.monotonic() + TIMEOUT_S
        if self._connection.poll(min(USUAL_S, TIMEOUT_S)):
            return True
        while time.monotonic() < deadline:
            stop_if_cancelled(progress)
            if self._connection.poll(CHECK_EVERY_S):
                return True
        return False
