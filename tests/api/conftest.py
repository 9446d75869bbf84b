"""Clients of applications without keys and with keys."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from shared.settings import Settings, load_settings
from tests.api.clients import KEYS, client_of


@pytest.fixture(scope="session")
def app(redis_url: str) -> Flask:
    """The application with the default settings, which takes a third of a second to make."""
    return create_app(load_settings({"WRITING_REDIS__URL": redis_url}))


@pytest.fixture
def anyone(app: Flask, settings: Settings) -> FlaskClient:  # `settings` empties Redis
    """Needs no key."""
    return app.test_client()


@pytest.fixture(scope="session")
def guarded_app(redis_url: str) -> Flask:
    """The application with keys."""
    return client_of(load_settings({"WRITING_REDIS__URL": redis_url}), keys=KEYS, operators=("op",)).application


@pytest.fixture
def guarded(guarded_app: Flask, settings: Settings) -> FlaskClient:  # `settings` empties Redis
    """Needs a key; `op` is the operator."""
    return guarded_app.test_client()
