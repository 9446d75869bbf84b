"""Clients of applications without keys and with keys."""

import pytest
from flask.testing import FlaskClient

from shared.settings import Settings
from tests.api.clients import KEYS, client_of


@pytest.fixture
def anyone(settings: Settings) -> FlaskClient:
    """Needs no key."""
    return client_of(settings)


@pytest.fixture
def guarded(settings: Settings) -> FlaskClient:
    """Needs a key; `op` is the operator."""
    return client_of(settings, keys=KEYS, operators=("op",))
