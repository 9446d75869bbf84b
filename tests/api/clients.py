"""Test clients of the real application, and the keys of its callers."""

from typing import Any

from flask.testing import FlaskClient

from api.app import create_app
from api.security import digest
from shared.settings import Settings

KEYS = tuple(f"{name}:{digest(name)}" for name in ("alice", "bob", "op"))
ALICE, BOB, OPERATOR = ({"X-API-Key": name} for name in ("alice", "bob", "op"))


def client_of(settings: Settings, **api: Any) -> FlaskClient:
    """Return a client of an application with settings of the section `api`."""
    return create_app(settings.model_copy(update={"api": settings.api.model_copy(update=api)})).test_client()
