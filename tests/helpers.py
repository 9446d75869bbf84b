"""Helpers that several tests share."""

import base64
import io
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import requests
from numpy.typing import NDArray
from PIL import Image

from local.stack import Stack
from local.supervisor import Child
from shared.queue.leases import Lease, Leases
from writing_client.session import request as call

T = TypeVar("T")


# The options of a job that takes seconds on a fast machine, too.
LONG = {"num_inference_steps": 100, "width": 512, "height": 512}


def eventually(condition: Callable[[], T | None], timeout_s: float = 90, every_s: float = 0.05) -> T:
    """Return the condition's first truthy value; fail if there is none in time. Busy machines pause for a minute."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"no result within {timeout_s} s"
        time.sleep(every_s)


def as_user(redis_url: str, user: str, password: str) -> str:
    """Return a Redis's address with another login."""
    parts = urlsplit(redis_url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}"))


def decode(encoded: str) -> Image.Image:
    """Return a base64 PNG as an image."""
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


def pixels(encoded: str) -> NDArray[np.uint8]:
    """Return a base64 PNG's pixels."""
    return np.asarray(decode(encoded))


def answers(url: str) -> bool:
    """Return whether an API answers at the URL."""
    try:
        return call("GET", f"{url}/health", timeout=1).ok
    except requests.RequestException:
        return False


def child(stack: Stack, name: str) -> Child:
    """Return one of a stack's programs."""
    return next(child for child in stack.supervisor.children if child.program.name == name)


class Api:
    """A client of a running service."""

    def __init__(self, url: str) -> None:
        self.url = url

    def submit(self, headers: dict[str, str] | None = None, **request: Any) -> requests.Response:
        return call(
            "POST", f"{self.url}/api/writing/generate-writing-image", json=request, headers=headers or {}, timeout=70
        )

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.get(f"/api/writing/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return call("GET", self.url + path, timeout=70, **arguments)

    def cancel(self, job_id: str) -> requests.Response:
        return call("DELETE", f"{self.url}/api/writing/jobs/{job_id}", timeout=70)

    def finished(self, job_id: str, timeout_s: float = 90) -> dict[str, Any]:
        """Return the job once it has ended."""

        def ended() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in {"succeeded", "failed", "cancelled"} else None

        return eventually(ended, timeout_s)

    def draw(self, **request: Any) -> dict[str, Any]:
        """Wait for a word's result and return it."""
        answer = self.submit(**request)
        assert answer.status_code == 202, answer.text
        job = self.finished(answer.json()["job_id"])
        assert job["status"] == "succeeded", job["error"]
        result: dict[str, Any] = job["result"]
        return result


def taken(leases: Leases, job_id: str) -> Lease:
    """Return the lease of a job that has to be free."""
    lease = leases.take(job_id)
    assert lease is not None
    return lease
