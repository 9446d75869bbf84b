"""Imagery as people write it: ``books, graduation-cap``, ``auto`` or ``none``."""

import re
from typing import get_args

from shared.writing.motif import ImageryMode

SEPARATORS = re.compile(r"[,;，、；]")


def read_imagery(text: str) -> str | list[str]:
    """Return what a request says of imagery: a mode, or the names; whether they are any is for the service to say."""
    names = [name for part in SEPARATORS.split(text) if (name := part.strip())]
    is_mode = len(names) == 1 and names[0].casefold() in get_args(ImageryMode)
    return names[0].casefold() if is_mode else names
