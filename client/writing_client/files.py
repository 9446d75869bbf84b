"""Atomic writing of files: a file is either complete or absent."""

import errno
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

    Until then, readers of the path see the old content. Where a symbolic link stands, the file that it leads to is
    replaced.

    Raises:
        OSError: it cannot be written, or something else than a file stands there, such as a device.
    """
    path = _replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named before it exists, so that whatever interrupts its creation removes it too; not after the file, whose name
    # may be as long as names can be.
    written = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with written.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def check_file(path: Path) -> None:
    """Check that a file can be written, and create its folder.

    Raises:
        OSError: it cannot.
    """
    path = _replaceable(path)
    check_folder(path.parent)
    if not path.exists():
        path.open("xb").close()  # the name may be too long
        path.unlink()


def _replaceable(path: Path) -> Path:
    """Return the path of the file that is to be replaced, behind any links."""
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "Not a regular file", str(path))
    return path


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
