"""One client's event streams and waiting calls, in a running API."""

from contextlib import ExitStack

import requests

from local.stack import Stack
from shared.settings import load_settings
from tests.helpers import Api
from tests.system.conftest import LISTENERS


def test_one_client_cannot_take_all_connections(service: Stack) -> None:
    api = Api(service.url)
    job_id = api.submit(word="学").json()["job_id"]
    places = LISTENERS * load_settings({}).api.processes
    with ExitStack() as opened:
        refused, streams = [], 0
        while streams < places:  # until both processes are full
            stream = opened.enter_context(
                requests.get(f"{service.url}/api/writing/jobs/{job_id}/events", stream=True, timeout=30)
            )
            streams += stream.ok
            refused += [] if stream.ok else [stream]
        assert all(answer.json()["code"] == "too_many_listeners" for answer in refused)
        beyond = api.get(f"/api/writing/jobs/{job_id}/events")
        assert (beyond.status_code, beyond.json()["code"]) == (429, "too_many_listeners")
        assert int(beyond.headers["Retry-After"]) > 0
        waiting = api.submit(word="学", headers={"Prefer": "wait=60"})
        assert (waiting.status_code, waiting.json()["status"]) == (202, "queued")
        assert "Preference-Applied" not in waiting.headers
        assert api.get("/health").status_code == 200
