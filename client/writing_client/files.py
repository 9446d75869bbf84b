"""Atomic writing of files: a file is either complete or absent."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that replaces ``path`` if the block succeeds, creating its folder.

    Until then, readers of the path see the old content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named before it exists, so that whatever interrupts its creation removes it too.
    written = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with written.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def check_folder(folder: Path) -> None:
    """Create a folder, and check that a file can be written to it.

    Raises:
        OSError: it cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder):
        pass


def write_atomically(path: Path, content: bytes) -> Path:
    """Write a file atomically, creating its folder; return the path."""
    with atomic_file(path) as file:
        file.write(content)
    return path
