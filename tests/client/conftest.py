"""A scripted service."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client.scripted import JOB, POST, Answer, Scripted


@pytest.fixture
def scripted() -> Iterator[Any]:
    """Starts a scripted service."""
    servers: list[Scripted] = []

    def start(**script: list[Answer]) -> Scripted:
        names = {
            "submit": f"POST {POST}",
            "view": f"GET {JOB}",
            "events": f"GET {JOB}/events",
            "cancel": f"DELETE {JOB}",
        }
        server = Scripted({names[name]: answers for name, answers in script.items()})
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
