"""The folder of Redis's data. It is locked by one Redis, since a second would overwrite the data of the first."""

import fcntl
import os
from pathlib import Path

from shared.errors import SettingsError

LOCK, PIDFILE = "lock", "redis.pid"


def lock_folder(folder: Path) -> int:
    """Lock a folder, creating it if necessary; return the lock, which holds while any process has it open.

    Raises:
        SettingsError: another service has locked the folder, or it cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be used for Redis's data ({error.strerror}): {_ADVICE}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SettingsError(_refusal(folder, error)) from error
    return lock


_ADVICE = "choose another folder with --data FOLDER (make serve DATA=FOLDER)"


def _refusal(folder: Path, error: OSError) -> str:
    """Return which process uses the folder, and what to do."""
    if not isinstance(error, BlockingIOError):
        return f"{folder} cannot be locked ({error.strerror}), so a second service could corrupt it: {_ADVICE}"
    pid = _redis_pid(folder)
    left = f" (if only its Redis is still running, `kill {pid}` stops it)" if pid else ""
    return f"{folder} is in use by another service on this machine: stop it{left}, or {_ADVICE}"


def _redis_pid(folder: Path) -> int | None:
    """Return the process id that Redis wrote; None if it has not written one yet."""
    try:
        return int((folder / PIDFILE).read_text())
    except (OSError, ValueError):
        return None
