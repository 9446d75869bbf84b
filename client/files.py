"""Writing files so that they are whole or not there, under names that every system takes."""

import os
import re
import tempfile
from pathlib import Path

# What Windows, macOS or a shell would stumble over; a space is allowed there, but a nuisance in links.
UNSAFE = re.compile(r"[\x00-\x20\x7f\\/:*?\"'<>|#%&]+")


def safe_name(text: str) -> str:
    """Return a text as a file name without ending; "_" if nothing is left of it."""
    return UNSAFE.sub("_", text).strip("._") or "_"


def write_atomically(path: Path, content: bytes) -> Path:
    """Write a file, making its folder: whoever reads it finds the old content or the new one; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.chmod(0o644)  # mkstemp's are for their owner alone
        return written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
