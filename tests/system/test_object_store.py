"""A service whose pictures are in a bucket, and a bucket that does not answer."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from local.stack import Stack, free_port
from tests.conftest import READY_S
from tests.helpers import Api, eventually


class Bucket:
    """A server with S3's API in a separate process, which can be frozen."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._is_made)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def _is_made(self) -> bool:
        try:
            return requests.put(f"{self.url}/pictures", timeout=10).ok
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    bucket = Bucket()
    yield bucket
    bucket.process.kill()
    bucket.process.wait()


@pytest.fixture(scope="module")
def service(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    folder = tmp_path_factory.mktemp("service")
    environment = {
        "WRITING_RESULTS__STORE": "s3://pictures/words", "WRITING_API__PROCESSES": "1",
        "AWS_ENDPOINT_URL": bucket.url, "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
    }  # fmt: skip
    with Stack(data_folder=folder / "redis", log_folder=folder, environment=environment) as stack:
        stack.wait_until_ready(READY_S)
        yield Api(stack.url), folder


def draw(api: Api) -> str:
    job_id = str(api.submit(word="学", num_inference_steps=1).json()["job_id"])
    assert api.finished(job_id)["status"] == "succeeded"
    return f"{api.url}/api/writing/jobs/{job_id}/image"


@pytest.mark.slow
def test_a_frozen_store_is_told_and_holds_up_nobody_else(service: tuple[Api, Path], bucket: Bucket) -> None:
    api, _ = service
    image = draw(api)
    assert requests.get(image, timeout=10).headers["Content-Type"] == "image/png"
    bucket.freeze()
    try:
        with ThreadPoolExecutor() as pool:
            reading = pool.submit(requests.get, image, timeout=120)
            served = 0
            while not reading.done():
                served += api.get("/health").ok
            assert served > 10, "one process serves both"
            answer = reading.result()
        assert (answer.status_code, answer.json()["code"]) == (503, "results_unavailable")
        assert answer.headers["Retry-After"]
    finally:
        bucket.thaw()
    assert requests.get(image, timeout=10).ok


@pytest.mark.slow
def test_a_worker_holds_a_picture_until_the_store_is_back(service: tuple[Api, Path], bucket: Bucket) -> None:
    api, folder = service
    bucket.freeze()
    try:
        job_id = api.submit(word="学", num_inference_steps=1).json()["job_id"]
        eventually(lambda: "no response; retrying" in (folder / "worker-1.log").read_text())
        assert api.job(job_id)["status"] == "running"
    finally:
        bucket.thaw()
    assert api.finished(job_id)["status"] == "succeeded"
    assert requests.get(f"{api.url}/api/writing/jobs/{job_id}/image", timeout=10).ok
    assert (folder / "worker-1.log").read_text().count("generated '学'") <= 2, "it was not drawn again"
