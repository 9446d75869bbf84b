"""Services whose programs are started again when they die, and what their jobs have become."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis
import requests

from local.stack import Stack
from tests.helpers import Api

READY_S = 90


@contextmanager
def service(folder: Path, workers: int = 1, **environment: str) -> Iterator[Stack]:
    """Run a service whose programs are restarted when they die."""
    with Stack(workers=workers, data_folder=folder / "redis", log_folder=folder, environment=environment) as stack:
        stack.wait_for(lambda: warm_workers(stack) == workers, READY_S, "warm workers")
        stop = threading.Event()

        def keep_alive() -> None:
            while not stop.wait(0.2):
                stack.supervisor.check()

        keeper = threading.Thread(target=keep_alive)
        keeper.start()
        try:
            yield stack
        finally:
            stop.set()
            keeper.join()


def warm_workers(stack: Stack) -> int:
    try:
        return int(requests.get(f"{stack.url}/health/ready", timeout=3).json().get("warm_workers", 0))
    except requests.RequestException:
        return 0


def submit(api: Api, count: int, **request: Any) -> list[str]:
    return [
        api.submit(**{"word": "学", "num_inference_steps": 10, "seed": seed, **request}).json()["job_id"]
        for seed in range(count)
    ]


def endings(api: Api, jobs: list[str], timeout_s: float = 120) -> Counter[str]:
    return Counter(api.finished(job, timeout_s)["status"] for job in jobs)


def finishes(folder: Path) -> int:
    """Return how many pictures were drawn, according to the workers' logs."""
    return sum(log.read_text().count("generated '学'") for log in folder.glob("worker-*.log"))


def running(api: Api, jobs: list[str]) -> list[str]:
    return [job for job in jobs if api.job(job)["status"] == "running"]


def attempts(stack: Stack, jobs: list[str]) -> list[int]:
    """Return how often each job was taken by a worker."""
    client = redis.Redis.from_url(stack.redis_url)
    return [int(client.hget(f"writing:job:{job}", "attempts") or 0) for job in jobs]


def memory_mib(stack: Stack) -> dict[str, int]:
    """Return each program's resident memory, including its children's."""
    found = {}
    for program in stack.supervisor.children:
        root = psutil.Process(program.process.pid)
        processes = [root, *root.children(recursive=True)]
        found[program.program.name] = sum(process.memory_info().rss for process in processes) // 2**20
    return found
