"""Imagery as people write it: ``books, graduation-cap``, ``auto`` or ``none``."""

import re
from typing import get_args

from writing_client.models import ImageryMode

SEPARATORS = re.compile(r"[,;，、；،؛]")


def read_imagery(text: str) -> str | list[str]:
    """Return a request's imagery: a mode or a list of names. The service checks whether the motifs exist."""
    names = [name for part in SEPARATORS.split(text) if (name := part.strip())]
    is_mode = len(names) == 1 and names[0].casefold() in get_args(ImageryMode)
    return names[0].casefold() if is_mode else names
