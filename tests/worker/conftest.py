"""A receiver of webhooks, and settings that lead to it."""

from collections.abc import Iterator

import pytest

from shared.settings import Settings, WebhookSettings
from tests.worker.receivers import Receiver

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def webhooks(settings: Settings) -> WebhookSettings:
    update = {
        "allowed_hosts": ("127.0.0.1",),
        "secret": SECRET,
        "allow_private": True,
        "timeout_s": 5.0,
        "first_pause_s": 0.01,
        "attempts": 3,
    }
    return settings.webhooks.model_copy(update=update)
