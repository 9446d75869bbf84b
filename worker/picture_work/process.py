"""A picture process, as the worker that started it sees it."""

import signal
import subprocess
import sys
from multiprocessing import Pipe
from typing import Any

from shared.settings import Settings
from worker.picture_work.piece import Answer, Piece

MODULE = "worker.picture_work.server"
# Many times what the longest piece takes, or a start, on a slow machine.
TIMEOUT_S = 120.0


class ProcessDied(Exception):
    """A picture process ended, or gave no answer in time."""


class PictureProcess:
    """One process that does picture work, for one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        """Start the process; it gets ready by itself.

        Args:
            settings: what it works with.

        Raises:
            OSError: it cannot be started.
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
        """Wait until the process can work.

        Raises:
            ProcessDied: it never could.
        """
        if not self._is_ready:
            self._receive()
            self._is_ready = True

    def do(self, piece: Piece) -> Any:
        """Return what a piece of work gives; raises what that raises.

        Raises:
            ProcessDied: the process did, meanwhile.
        """
        try:
            self._connection.send(piece)
        except OSError:
            raise ProcessDied(self.end()) from None
        answer: Answer = self._receive()
        return answer.get()

    def end(self) -> str:
        """End the process; return what it died of."""
        self._connection.close()
        self._process.kill()  # to no effect on one that has died
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _receive(self) -> Any:
        try:
            if self._connection.poll(TIMEOUT_S):
                return self._connection.recv()
        except (EOFError, OSError):
            raise ProcessDied(self.end()) from None
        self.end()
        raise ProcessDied(f"no answer within {TIMEOUT_S:.0f} s")
