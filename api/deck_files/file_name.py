"""File names that every system takes."""

import re

# What Windows, macOS or a shell would stumble over; a space is allowed there, but a nuisance in links.
UNSAFE = re.compile(r"[\x00-\x20\x7f\\/:*?\"'<>|#%&]+")


def safe_name(text: str) -> str:
    """Return a text as a file name without ending; "_" if nothing is left of it."""
    return UNSAFE.sub("_", text).strip("._") or "_"
