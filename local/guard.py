"""A process that stops a supervisor's programs once the supervisor is gone: ``python -m local.guard``.

A supervisor that is killed, as by a machine without memory, cannot stop them itself. Each line of the guard's standard
input is the process id of a program, in starting order. The input ends with the supervisor, which has normally stopped
its programs by then.
"""

import signal
import subprocess
import sys
from contextlib import suppress

import psutil

from local.signals import ENDINGS

# How long a process may take to exit before it is killed.
GRACE_S = 20.0


class Guard:
    """The supervisor's side of the process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.guard"], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def note(self, pid: int) -> None:
        """Have a program stopped, too."""
        assert self._process.stdin is not None  # noqa: S101  # for mypy: it is a pipe
        with suppress(BrokenPipeError):  # a guard that was killed is no reason to stop
            print(pid, file=self._process.stdin, flush=True)

    def close(self) -> None:
        """End the process, after it has stopped what still runs."""
        with suppress(BrokenPipeError):
            self._process.communicate()


def main() -> None:
    """Wait until the supervisor is gone, then stop its programs, the last one first."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    programs: list[psutil.Process] = []
    for line in sys.stdin:
        with suppress(psutil.NoSuchProcess):
            programs.append(psutil.Process(int(line)))  # also knows its start, should the id be used again
    for program in reversed(programs):
        with suppress(psutil.NoSuchProcess):
            stop(program)


def stop(program: psutil.Process) -> None:
    """Terminate a program, and kill it if it does not exit; raises `psutil.NoSuchProcess` if it is gone."""
    program.terminate()
    try:
        program.wait(GRACE_S)
    except psutil.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    main()
