"""A running service: real Redis, API and worker processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.stack import Stack
from tests.helpers import Api

READY_S = 90


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One service for all tests that leave it as they found it."""
    folder: Path = tmp_path_factory.mktemp("service")
    with Stack(data_folder=folder / "redis", log_folder=folder / "logs") as running:
        running.wait_for(running.is_ready, READY_S, "a warm worker")
        yield running


@pytest.fixture(scope="session")
def api(stack: Stack) -> Api:
    return Api(stack.url)
