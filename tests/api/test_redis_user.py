"""A Redis user who may use only the service's keys, as when several deployments share a Redis."""

from collections.abc import Iterator

import pytest
import redis

from shared.settings import Settings, load_settings
from tests.api.clients import client_of
from tests.helpers import as_user, taken
from tests.results import Publisher

# Without a prefix, which cannot change while a process runs, these are all of them.
KEYS = ("writing:*", "celery-task-meta-*", "interactive*", "bulk*", "_kombu*", "unacked*", "LIMITS*")


@pytest.fixture
def limited(settings: Settings, client: redis.Redis) -> Iterator[Settings]:
    """Settings with the user of docs/reference/settings.md."""
    commands = ["+@all", "-@dangerous", "+info"]
    client.acl_setuser("tenant", enabled=True, passwords="+pw", keys=KEYS, channels="*", commands=commands)
    client.acl_log_reset()
    yield load_settings({"WRITING_REDIS__URL": as_user(settings.redis.url, "tenant", "pw")})
    client.acl_deluser("tenant")


def test_jobs_and_decks_use_no_other_keys(limited: Settings, client: redis.Redis) -> None:
    page = client_of(limited, rate_limit="60/minute")
    for key in (None, "once"):
        headers = {} if key is None else {"Idempotency-Key": key}
        job = page.post("/api/writing/generate-writing-image", json={"word": "山"}, headers=headers)
        deck = page.post("/api/writing/decks", json={"words": [{"word": "水"}]}, headers=headers)
        assert (job.status_code, deck.status_code) == (202, 202), (job.json, deck.json)
    publisher = Publisher(limited)
    assert page.get(f"/api/writing/jobs/{publisher.publish(1)}/image").status_code == 200
    job_id = job.json["job_id"]
    lease = taken(publisher.leases, job_id)
    assert page.delete(f"/api/writing/jobs/{job_id}").status_code == 200
    assert publisher.leases.confirm_cancelled(lease)
    assert [entry for entry in client.acl_log() if entry["reason"] == "key"] == []
