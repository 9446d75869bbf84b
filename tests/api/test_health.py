"""What the service says of its health."""

import pytest
import redis
from flask.testing import FlaskClient

from api.app import create_app
from shared.queue.workers import WorkerRegistry
from shared.schemas import WorkerState
from shared.settings import Settings
from tests.shared.test_workers import info


@pytest.mark.parametrize(
    ("state", "status", "health"),
    [(WorkerState.LOADING, 503, "degraded"), (WorkerState.WARM, 200, "ok")],
)
def test_only_a_warm_worker_makes_the_service_ready(
    anyone: FlaskClient, client: redis.Redis, state: WorkerState, status: int, health: str
) -> None:
    WorkerRegistry(client, 60).publish(info("a@host", state))
    assert anyone.get("/health/ready").status_code == status
    assert anyone.get("/health/detailed").get_json()["status"] == health


@pytest.mark.parametrize(("store", "shown"), [("redis", "redis"), ("s3://secret-bucket/pictures", "s3")])
def test_where_pictures_are_stored_stays_secret(settings: Settings, store: str, shown: str) -> None:
    results = settings.results.model_copy(update={"store": store})
    page = create_app(settings.model_copy(update={"results": results})).test_client()
    assert page.get("/health/detailed").get_json()["service_status"]["results"]["store"] == shown
