"""API keys and their generation."""

import secrets

from api.security import digest
from shared.settings.values import KEY_NAME


def make_key(name: str) -> str:
    """Return a new key and its entry for the settings, as text to show once.

    Args:
        name: the name of the client that the key is for.

    Raises:
        ValueError: the name is not valid in the settings.
    """
    if not KEY_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid name; use letters, digits, single spaces and . @ + - _")
    key = secrets.token_urlsafe(32)
    return f"key, for the client: {key}\nfor the settings:    WRITING_API__KEYS='[\"{name}:{digest(key)}\"]'"
