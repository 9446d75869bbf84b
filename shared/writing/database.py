"""Opening the service's read-only SQLite files."""

import sqlite3
from pathlib import Path


def open_database(path: Path) -> sqlite3.Connection:
    """Return a read-only connection that threads may share.

    "immutable" avoids locks and journal files, so the file also opens on a read-only file system. No statements are
    cached, because on Python 3.12 and later two threads that run the same query get one statement, and the rows of each
    other's parameters (CPython issue 118172).
    """
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?immutable=1", uri=True, check_same_thread=False, cached_statements=0
    )
