"""Supervision of processes: start them, restart them when they die, stop them in order."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.guard import GRACE_S, Guard
from local.signals import uninterrupted

# Pause before a dead process is restarted. It doubles with each death and is reset after a minute of uptime.
FIRST_PAUSE_S, LONGEST_PAUSE_S, HEALTHY_AFTER_S = 0.5, 10.0, 60.0


class ChildFailed(Exception):
    """A process has ended, and restarting it would not help."""


@dataclass(frozen=True)
class Program:
    """A program to keep running.

    Attributes:
        name: its name in messages and of its log file.
        command: the program and its arguments.
        environment: variables to set in addition to those of this process.
        inherits: file descriptors that it inherits from this process.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: Sequence[int] = ()


class Child:
    """A program and the process that runs it."""

    def __init__(self, program: Program, log_folder: Path | None, guard: Guard) -> None:
        self.program = program
        self._log_folder = log_folder
        self._guard = guard
        self._pause_s = FIRST_PAUSE_S
        self._restart_at = 0.0
        self._start()

    def _start(self) -> None:
        self.started_at = time.monotonic()
        log = self._log()
        # A separate session, so that Ctrl-C reaches only the supervisor, which then stops the children in order.
        self.process = subprocess.Popen(
            self.program.command,
            env={**os.environ, **self.program.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self.program.inherits,
        )
        self._guard.note(self.process.pid)
        if log is not None:
            os.close(log)  # the child has its own copy

    def _log(self) -> int | None:
        if self._log_folder is None:
            return None
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return os.open(self._log_folder / f"{self.program.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def revive(self) -> None:
        """Restart the program after a pause if it has died.

        Raises:
            ChildFailed: it exited with EX_CONFIG: the settings or the model are wrong.
        """
        code = self.process.poll()
        if code is None:
            return
        now = time.monotonic()
        if not self._restart_at:
            if code == os.EX_CONFIG:
                raise ChildFailed(
                    f"{self.program.name} cannot run (exit code {code}); its last lines of output say why"
                )
            if now - self.started_at > HEALTHY_AFTER_S:
                self._pause_s = FIRST_PAUSE_S
            print(f"{self.program.name} exited with code {code}; restarting it in {self._pause_s:.1f} s", flush=True)
            self._restart_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        elif now >= self._restart_at:
            self._restart_at = 0.0
            self._start()

    def end(self) -> None:
        """Terminate the process, and kill it if it does not exit."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Supervisor:
    """A set of programs that are kept running. They are stopped in the reverse of their starting order.

    If this process is killed, a guard stops them.
    """

    def __init__(self, log_folder: Path | None = None) -> None:
        """Set the folder for the programs' output; None for this terminal."""
        self._log_folder = log_folder
        self._guard: Guard | None = None
        self.children: list[Child] = []

    def start(self, program: Program) -> Child:
        """Start a program and keep it running from now on."""
        with uninterrupted():
            self._guard = self._guard or Guard()
            child = Child(program, self._log_folder, self._guard)
            self.children.append(child)
        return child

    def check(self) -> None:
        """Restart programs that have died.

        Raises:
            ChildFailed: a program cannot run.
        """
        for child in self.children:
            with uninterrupted():
                child.revive()

    def end(self) -> None:
        """Stop all programs, each within `GRACE_S`; a further signal does not leave the rest running."""
        with uninterrupted():
            while self.children:
                self.children.pop().end()
            if self._guard is not None:
                self._guard.close()
                self._guard = None
