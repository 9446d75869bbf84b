"""Fixtures of several unit tests."""

from pathlib import Path

import pytest
import redis

from shared.job_store import JobStore
from shared.redis_client import make_redis
from shared.settings import Settings


@pytest.fixture
def client(settings: Settings) -> redis.Redis:
    return make_redis(settings.redis)


@pytest.fixture
def store(client: redis.Redis, settings: Settings) -> JobStore:
    return JobStore(client, settings.queue)


@pytest.fixture
def no_hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
