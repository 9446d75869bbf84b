"""Test clients of the real application, and the keys of its callers."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from api.security import digest
from shared.settings import Settings

KEYS = tuple(f"{name}:{digest(name)}" for name in ("alice", "bob", "op"))
ALICE, BOB, OPERATOR = ({"X-API-Key": name} for name in ("alice", "bob", "op"))


def client_of(settings: Settings, **api: Any) -> FlaskClient:
    """Return a client of an application with settings of the section `api`."""
    return create_app(settings.model_copy(update={"api": settings.api.model_copy(update=api)})).test_client()


APPS: list[tuple[Settings, Flask]] = []


def shared_client_of(settings: Settings, **api: Any) -> FlaskClient:
    """Like `client_of`, for tests that leave the application as it is.

    Those with the same settings share one, which takes a third of a second to make.
    """
    changed = settings.model_copy(update={"api": settings.api.model_copy(update=api)})
    app = next((app for known, app in APPS if known == changed), None)
    if app is None:
        app = create_app(changed)
        APPS.append((changed, app))
    return app.test_client()
