"""A picture process, as seen by the worker that started it."""

import signal
import subprocess
import sys
from multiprocessing import Pipe
from typing import Any

from shared.settings import Settings
from worker.picture_work.call import Call, CallResult

MODULE = "worker.picture_work.server"
# Many times the longest call, or a start, on a slow machine.
TIMEOUT_S = 120.0


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

    def wait_until_ready(self) -> None:
        """Wait until the process is ready.

        Raises:
            ProcessDied: it died or timed out before it was ready.
        """
        if not self._is_ready:
            self._receive()
            self._is_ready = True

    def do(self, call: Call) -> Any:
        """Return the result of a call, or raise its error.

        Raises:
            ProcessDied: the process died during the work.
        """
        try:
            self._connection.send(call)
        except OSError:
            raise ProcessDied(self.end()) from None
        result: CallResult = self._receive()
        return result.get()

    def end(self) -> str:
        """End the process; return the cause of its death."""
        self._connection.close()
        self._process.kill()  # has no effect if it is already dead
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _receive(self) -> Any:
        try:
            if self._connection.poll(TIMEOUT_S):
                return self._connection.recv()
        except (EOFError, OSError):
            raise ProcessDied(self.end()) from None
        self.end()
        raise ProcessDied(f"no response within {TIMEOUT_S:.0f} s")
