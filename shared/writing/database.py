"""Opening the service's read-only SQLite files."""

import sqlite3
from pathlib import Path

from shared.errors import SettingsError


def open_database(path: Path, kind: str) -> sqlite3.Connection:
    """Return a read-only connection that threads may share, to a file whose pages have been checked.

    Unchecked, a damaged file opens, and each job that needs one of the damaged pages fails.

    Args:
        path: the file.
        kind: what to call it in errors.

    Raises:
        SettingsError: the file is missing, damaged or empty; names it.
    """
    if not path.is_file():
        raise SettingsError(f"{kind} not found: {path}")
    connection = _connect(path)
    try:
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise SettingsError(f"{kind} is damaged: {path}: {error}") from error
    if damage != "ok":
        raise SettingsError(f"{kind} is damaged: {path}: {' '.join(damage.split())}")
    if not tables:
        raise SettingsError(f"{kind} is empty: {path}")
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    """Return a read-only connection.

    "immutable" avoids locks and journal files, so the file also opens on a read-only file system. No statements are
    cached, because on Python 3.12 and later two threads that run the same query get one statement, and the rows of each
    other's parameters (CPython issue 118172).
    """
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?immutable=1", uri=True, check_same_thread=False, cached_statements=0
    )
