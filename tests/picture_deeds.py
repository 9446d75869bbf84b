"""Calls that affect the picture process in which they run; they are pickled by name."""

import os
import signal
import time
from pathlib import Path

from worker.picture_work import PictureWork


def crash(_work: PictureWork) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def die_once(_work: PictureWork, mark: Path) -> int:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def sleep(_work: PictureWork, seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def leave(_work: PictureWork, mark: Path) -> None:
    mark.touch()


def fail(_work: PictureWork) -> None:
    raise ZeroDivisionError("by nothing")
