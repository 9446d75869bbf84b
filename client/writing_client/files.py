"""Atomic writing of files: a file is either complete or absent."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that replaces ``path`` if the block succeeds, creating its folder.

    Until then, readers of the path see the old content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    written = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        written.chmod(0o644)  # mkstemp creates files that only their owner can read
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes) -> Path:
    """Write a file atomically, creating its folder; return the path."""
    with atomic_file(path) as file:
        file.write(content)
    return path
