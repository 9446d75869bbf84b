"""Signals that end the command as Ctrl-C does."""

import signal
import threading

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP


def end_as_by_ctrl_c() -> None:
    """Let the signals that end a command raise `KeyboardInterrupt`, so that it cancels its jobs.

    A signal that is ignored stays so, as SIGHUP under ``nohup``.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can handlers be set
        return
    for ending in ENDING:
        if signal.getsignal(ending) is signal.SIG_DFL:
            signal.signal(ending, signal.default_int_handler)
