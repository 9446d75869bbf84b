"""Start processes, start them again when they die, end them in order."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

# Pause before a dead process is started again: doubled with each death, back to the first after a minute's life.
FIRST_PAUSE_S, LONGEST_PAUSE_S, HEALTHY_AFTER_S = 0.5, 10.0, 60.0
# What ends a process that does not listen: a supervisor that it ended would leave its programs behind.
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
# How long a process may take to end by itself before it is killed.
GRACE_S = 20.0


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Treat every signal that asks for an end as Ctrl-C in the block, so that a supervisor ends its programs first.

    A signal that is ignored stays so: `nohup` ignores the hang-up for the programs that it starts. After the first one
    no other counts: a closed window may send several, and the end must not be broken off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [number for number in ENDINGS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.getsignal(number) for number in heard}
    report = sys.unraisablehook

    def interrupt(*_: object) -> None:
        for number in heard:
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    def interrupt_again(lost: "sys.UnraisableHookArgs") -> None:
        """Send a signal once more that came while an object was being deleted: what is raised there is lost."""
        if lost.exc_type is not KeyboardInterrupt:
            report(lost)
            return
        for number in heard:
            signal.signal(number, interrupt)
        threading.Timer(0.1, signal.pthread_kill, [threading.main_thread().ident, heard[0]]).start()

    for number in heard:
        signal.signal(number, interrupt)
    sys.unraisablehook = interrupt_again
    try:
        yield
    finally:
        sys.unraisablehook = report
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold signals that ask for an end back until the block has ended, so that no program is forgotten."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    handlers = {number: signal.signal(number, lambda *arguments: held.append(arguments)) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for caught, frame in held:
        handler = handlers[signal.Signals(caught)]
        if callable(handler):
            handler(caught, frame)
        elif handler == signal.SIG_DFL:
            signal.raise_signal(caught)


class ChildFailed(Exception):
    """A process ended and starting it again would not help."""


@dataclass(frozen=True)
class Program:
    """A program to keep running.

    Attributes:
        name: as shown and as its log file is called.
        command: program and arguments.
        environment: variables to set besides those of this process.
        inherits: file descriptors that it gets from this process.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: Sequence[int] = ()


class Child:
    """A program and the process that runs it."""

    def __init__(self, program: Program, log_folder: Path | None) -> None:
        self.program = program
        self._log_folder = log_folder
        self._pause_s = FIRST_PAUSE_S
        self._restart_at = 0.0
        self._start()

    def _start(self) -> None:
        self.started_at = time.monotonic()
        log = self._log()
        # Own session: Ctrl-C reaches the supervisor alone, which then ends the children in the right order.
        self.process = subprocess.Popen(
            self.program.command,
            env={**os.environ, **self.program.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self.program.inherits,
        )
        if log is not None:
            os.close(log)  # the process has its own copy

    def _log(self) -> int | None:
        if self._log_folder is None:
            return None
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return os.open(self._log_folder / f"{self.program.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def revive(self) -> None:
        """Start the program again if it has died, after a pause.

        Raises:
            ChildFailed: it ended with EX_CONFIG: settings or the model are wrong.
        """
        code = self.process.poll()
        if code is None:
            return
        now = time.monotonic()
        if not self._restart_at:
            if code == os.EX_CONFIG:
                raise ChildFailed(f"{self.program.name} cannot run (exit code {code}); its last lines say why")
            if now - self.started_at > HEALTHY_AFTER_S:
                self._pause_s = FIRST_PAUSE_S
            print(f"{self.program.name} ended with code {code}; starting it again in {self._pause_s:.1f} s", flush=True)
            self._restart_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        elif now >= self._restart_at:
            self._restart_at = 0.0
            self._start()

    def end(self) -> None:
        """Ask the process to end, and kill it if it does not."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Keeps programs running, in the order given; ends them in the opposite one."""

    def __init__(self, log_folder: Path | None = None) -> None:
        """Write the programs' output to files in ``log_folder``, or to this terminal if None."""
        self._log_folder = log_folder
        self.children: list[Child] = []

    def start(self, program: Program) -> Child:
        """Start a program and keep it running from now on."""
        with uninterrupted():
            child = Child(program, self._log_folder)
            self.children.append(child)
        return child

    def check(self) -> None:
        """Start again what has died.

        Raises:
            ChildFailed: a program cannot run.
        """
        for child in self.children:
            with uninterrupted():
                child.revive()

    def end(self) -> None:
        """End all programs, each within `GRACE_S`; a further signal does not leave the rest behind."""
        with uninterrupted():
            while self.children:
                self.children.pop().end()
