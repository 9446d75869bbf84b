"""File names that are valid on every system."""

import re

# Characters that cause problems on Windows, on macOS or in a shell. A space is allowed there but awkward in links.
UNSAFE = re.compile(r"[\x00-\x20\x7f\\/:*?\"'<>|#%&]+")


def safe_name(text: str) -> str:
    """Return a text as a file name without extension, or "_" if nothing is left of it."""
    return UNSAFE.sub("_", text).strip("._") or "_"
