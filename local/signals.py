"""The signals that end a supervisor: heard as Ctrl-C, or held back."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Those that end a process by default.
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Treat every termination signal in the block as Ctrl-C, so that a supervisor stops its programs first.

    A signal that is ignored stays ignored, since `nohup` ignores SIGHUP for the programs that it starts. After the
    first signal, further ones are ignored: a closed window may send several, and they must not interrupt the shutdown.
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
        """Resend a signal that arrived while an object was being deleted, since an exception raised there is lost."""
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
    """Defer termination signals until the block has ended, so that no program is left behind."""
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
