"""An API without a worker."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.helpers import answers

RECEIVE_S = 2
LISTENERS = 2


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """API and Redis, with a short deadline for a request's arrival, and few listeners per client and process."""
    folder = tmp_path_factory.mktemp("http")
    environment = {"WRITING_API__RECEIVE_S": str(RECEIVE_S), "WRITING_API__MAX_LISTENERS": str(LISTENERS)}
    with Stack(workers=0, data_folder=folder / "redis", log_folder=folder, environment=environment) as stack:
        stack.wait_for(lambda: answers(stack.url), 60, "the API")
        yield stack
