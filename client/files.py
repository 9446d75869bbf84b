"""Writing files so that they are whole or not there."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> Path:
    """Write a file, making its folder: whoever reads it finds the old content or the new one; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in [content] if isinstance(content, bytes) else content:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        written.chmod(0o644)  # mkstemp's are for their owner alone
        return written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
