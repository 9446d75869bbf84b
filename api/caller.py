"""Who sent the current request."""

from flask import g, request


def caller() -> str:
    """Return the name of the client's key, or its address if it has sent no valid key."""
    return g.client or request.remote_addr or ""
