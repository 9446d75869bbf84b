"""Several deployments in one Redis database, each with a prefix for all of its keys."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from local.stack import Stack
from shared.errors import SettingsError
from shared.settings import load_settings
from tests.conftest import READY_S
from tests.helpers import Api, as_user
from writing_client.session import request

PREFIX = "school-a:"
URL = "/api/writing/generate-writing-image"


@pytest.mark.slow
def test_every_key_has_the_prefix_and_everything_works(tmp_path: Path) -> None:
    environment = {"WRITING_REDIS__PREFIX": PREFIX, "WRITING_API__RATE_LIMIT": "100/minute"}
    with Stack(data_folder=tmp_path / "redis", log_folder=tmp_path / "logs", environment=environment) as stack:
        stack.wait_until_ready(READY_S)
        client = limited_to_the_prefix(stack.redis_url)
        # Another deployment's messages and records, which this one must ignore.
        client.lpush("interactive", json.dumps({"headers": {"id": "not ours"}}))
        client.hset("writing:job:not-ours", mapping={"status": "queued"})
        ours = Api(stack.url)
        job_id = ours.submit(word="山", translation="mountain", num_inference_steps=2).json()["job_id"]
        assert ours.finished(job_id, timeout_s=120)["status"] == "succeeded"
        deck = request("POST", f"{stack.url}/api/writing/decks", json={"words": [{"word": "水"}]}, timeout=60)
        assert deck.status_code == 202, deck.text
        command = [sys.executable, "-m", "celery", "-A", "shared.celery_command_line", "inspect", "ping", "--json"]
        answer = subprocess.run(
            command,
            env={**os.environ, **environment, "WRITING_REDIS__URL": stack.redis_url},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert "pong" in answer.stdout
        foreign = {"interactive", "writing:job:not-ours"}
        assert {key for key in client.scan_iter() if not key.startswith(PREFIX)} == foreign
        assert client.llen("interactive") == 1
        assert any("LIMITS" in key for key in client.keys(PREFIX + "*"))
        assert [entry for entry in client.acl_log() if entry["reason"] == "key"] == []


def limited_to_the_prefix(redis_url: str) -> redis.Redis:
    """Limit the service's user as docs/reference/settings.md describes; return a client of another user."""
    admin = {"enabled": True, "passwords": "+pw", "keys": "*", "channels": "*", "commands": ["+@all"]}
    redis.Redis.from_url(redis_url).acl_setuser("admin", **admin)
    client = redis.Redis.from_url(as_user(redis_url, "admin", "pw"), decode_responses=True)
    client.execute_command("ACL", "SETUSER", "default", "resetkeys", f"~{PREFIX}*", "-@dangerous", "+info")
    client.acl_log_reset()
    return client


@pytest.mark.parametrize("prefix", ["school-a:", "a b:", "a", "*:", "a{b}:"])
def test_a_prefix_is_the_processs_own_and_one_that_cannot_be_is_refused(prefix: str) -> None:
    """It is part of the scripts' texts, so it is read from the environment when the process starts."""
    with pytest.raises(SettingsError, match=r"redis\.prefix"):
        load_settings({"WRITING_REDIS__PREFIX": prefix})
