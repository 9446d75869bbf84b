"""The engine with the embedded model; a receiver of webhooks, and settings that lead to it."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from shared.queue.decks import DeckStore
from shared.queue.store import JobStore
from shared.settings import Settings, WebhookSettings
from tests.models import embedded_pipeline, engine_model
from tests.worker.engine_jobs import RequestOf, requests_of_fire, running
from tests.worker.receivers import Receiver
from worker.background.notifications import Notifications
from worker.engine.engine import Engine
from worker.engine.model_runner import ModelRunner
from worker.glyphs import GlyphRenderer

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def stock() -> Any:
    """The embedded model as diffusers' own pipeline."""
    return embedded_pipeline()


@pytest.fixture
def model(stock: Any) -> ModelRunner:
    """The embedded model, four pictures at a time."""
    return engine_model(stock, batch_limit=4)


@pytest.fixture
def engine(model: ModelRunner) -> Iterator[Engine]:
    with running(model) as engine:
        yield engine


@pytest.fixture(scope="module")
def request_of(glyphs: GlyphRenderer) -> RequestOf:
    return requests_of_fire(glyphs)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def notifications(client: redis.Redis, store: JobStore, settings: Settings) -> Notifications:
    return Notifications(store, DeckStore(client, store, settings.queue))


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
