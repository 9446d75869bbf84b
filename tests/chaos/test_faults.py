"""Guarantees when a process dies, freezes or is asked to stop. `make chaos` runs all, CI only the unmarked ones."""

import os
import random
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import requests

from local.stack import Stack
from local.supervisor import Child
from tests.chaos.fragile_worker import DEADLY
from tests.helpers import Api, eventually

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


def child(stack: Stack, name: str) -> Child:
    return next(child for child in stack.supervisor.children if child.program.name == name)


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


@pytest.mark.chaos
def test_a_killed_worker_s_jobs_are_done_by_the_other(tmp_path: Path) -> None:
    """With eight jobs in flight; prints the time until one of the dead worker's jobs is running again."""
    with service(tmp_path, workers=2) as stack:
        api = Api(stack.url)
        jobs = submit(api, 8, num_inference_steps=30)
        eventually(lambda: len(running(api, jobs)) >= 4)
        child(stack, "worker-1").process.send_signal(signal.SIGKILL)
        killed_at = time.monotonic()
        eventually(lambda: max(attempts(stack, jobs)) > 1, READY_S)
        print(f"back at work after {time.monotonic() - killed_at:.1f} s")
        assert endings(api, jobs) == {"succeeded": 8}


@pytest.mark.chaos
def test_a_stopped_worker_s_late_result_is_refused(tmp_path: Path) -> None:
    """A zombie: its jobs are done elsewhere while it is frozen, and when it wakes up it publishes nothing for them."""
    with service(tmp_path, workers=2, WRITING_QUEUE__LEASE_S="3") as stack:
        api = Api(stack.url)
        jobs = submit(api, 4, num_inference_steps=40)
        zombie = child(stack, "worker-1").process
        eventually(lambda: len(running(api, jobs)) == 4)
        zombie.send_signal(signal.SIGSTOP)
        try:
            assert endings(api, jobs) == {"succeeded": 4}
            seeds = {job: api.job(job)["result"]["generation_metadata"]["generation_time_ms"] for job in jobs}
        finally:
            zombie.send_signal(signal.SIGCONT)
        log = tmp_path / "worker-1.log"
        eventually(lambda: "now belongs to another worker" in log.read_text(), 30)
        assert endings(api, submit(api, 2)) == {"succeeded": 2}, "the worker takes jobs again"
        after = {job: api.job(job)["result"]["generation_metadata"]["generation_time_ms"] for job in jobs}
        assert after == seeds


@pytest.mark.chaos
def test_told_to_end_a_worker_finishes_or_gives_back(tmp_path: Path) -> None:
    """SIGTERM with eight jobs in flight and another live worker: all succeed, and each picture is drawn once."""
    with service(tmp_path, workers=2) as stack:
        api = Api(stack.url)
        jobs = submit(api, 8, num_inference_steps=40)
        eventually(lambda: len(running(api, jobs)) >= 4)
        child(stack, "worker-1").process.send_signal(signal.SIGTERM)
        assert endings(api, jobs) == {"succeeded": 8}
        assert finishes(tmp_path) == 8


@pytest.mark.chaos
def test_told_twice_to_end_a_worker_ends_at_once(tmp_path: Path) -> None:
    """After two Ctrl-C it does not wait for its jobs, and another process does them."""
    with service(tmp_path) as stack:
        api = Api(stack.url)
        jobs = submit(api, 4, num_inference_steps=100)
        eventually(lambda: len(running(api, jobs)) == 4)
        first = child(stack, "worker-1").process
        for _ in range(2):
            first.send_signal(signal.SIGINT)
            time.sleep(1)
        first.wait(10)
        assert Counter(api.job(job)["status"] for job in jobs)["succeeded"] == 0, "it waited for none"
        assert endings(api, jobs, 240) == {"succeeded": 4}
        assert finishes(tmp_path) == 4


@pytest.mark.chaos
def test_a_job_that_kills_its_worker_is_given_up_and_the_others_succeed(tmp_path: Path) -> None:
    with service(tmp_path, WRITING_QUEUE__LEASE_S="2") as stack:
        api = Api(stack.url)
        worker = child(stack, "worker-1")
        worker.program = replace(
            worker.program, command=[worker.program.command[0], "-m", "tests.chaos.fragile_worker"]
        )
        worker.process.kill()
        deadly = api.submit(word=DEADLY, translation="death").json()["job_id"]
        others = submit(api, 20, num_inference_steps=2)
        assert endings(api, others, 180) == {"succeeded": 20}
        ended = api.finished(deadly, 180)
        assert (ended["status"], ended["error"]["code"]) == ("failed", "poisoned")


@pytest.mark.chaos
def test_the_only_worker_killed_and_started_again(tmp_path: Path) -> None:
    with service(tmp_path) as stack:
        api = Api(stack.url)
        jobs = submit(api, 8)
        eventually(lambda: len(running(api, jobs)) >= 3)
        child(stack, "worker-1").process.send_signal(signal.SIGKILL)
        assert endings(api, jobs) == {"succeeded": 8}


@pytest.mark.chaos
def test_redis_killed_with_a_full_queue(tmp_path: Path) -> None:
    """With 100 jobs queued and some running, ten seconds without Redis give 503, and every job ends once."""
    with service(tmp_path) as stack:
        api = Api(stack.url)
        jobs = submit(api, 108, num_inference_steps=2)
        server = child(stack, "redis")
        os.kill(server.process.pid, signal.SIGSTOP)  # so that the supervisor does not restart it at once
        assert api.submit(word="学").status_code == 503
        time.sleep(10)
        os.kill(server.process.pid, signal.SIGKILL)
        eventually(lambda: api.get(f"/api/writing/jobs/{jobs[0]}").status_code == 200, 30)
        assert endings(api, jobs, 240) == {"succeeded": 108}
        assert finishes(tmp_path) == 108


@pytest.mark.chaos
def test_the_api_killed_while_clients_submit(tmp_path: Path) -> None:
    """200 submissions with Idempotency-Keys, repeated until they are answered, create 200 jobs."""
    with service(tmp_path) as stack:
        api = Api(stack.url)
        ids: dict[int, str] = {}

        def submit_firmly(number: int) -> None:
            headers = {"Idempotency-Key": f"key-{number}"}
            while number not in ids:
                try:
                    answer = api.submit(headers, word="学", seed=number, num_inference_steps=1)
                    if answer.status_code in {200, 202}:
                        ids[number] = answer.json()["job_id"]
                except requests.RequestException:
                    time.sleep(0.2)

        threads = [
            threading.Thread(target=lambda part=part: [submit_firmly(n) for n in range(part, 200, 8)])
            for part in range(8)
        ]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        eventually(lambda: len(ids) > 60)
        server = psutil.Process(child(stack, "api").process.pid)
        for process in [server, *server.children(recursive=True)]:
            process.kill()
        for thread in threads:
            thread.join()
        assert len(set(ids.values())) == 200
        assert endings(api, list(ids.values()), 300) == {"succeeded": 200}
        assert api.get("/health/detailed").json()["service_status"]["ai_status"]["succeeded"] == 200


@pytest.mark.chaos
def test_cancelled_at_a_random_time(tmp_path: Path) -> None:
    with service(tmp_path) as stack:
        api = Api(stack.url)
        chance = random.Random(1)
        jobs = []
        for seed in range(100):
            jobs += submit(api, 1, seed=seed, num_inference_steps=4)
            time.sleep(chance.uniform(0, 0.15))
            api.cancel(chance.choice(jobs))
        ended = endings(api, jobs, 240)
        assert set(ended) <= {"cancelled", "succeeded"}
        assert sum(ended.values()) == 100


@pytest.mark.chaos
def test_two_thousand_submissions_at_once(tmp_path: Path) -> None:
    """The queue accepts what it can hold, the others get Retry-After, and memory stays bounded."""
    with service(tmp_path, WRITING_QUEUE__LIMIT="500") as stack:
        answers: list[requests.Response] = []

        def flood() -> None:
            api = Api(stack.url)
            answers.extend(api.submit(word="学", num_inference_steps=1, include_conditioning=False) for _ in range(200))

        before = memory_mib(stack)
        threads = [threading.Thread(target=flood) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        jobs = [answer.json()["job_id"] for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(jobs) + len(refused) == 2000
        assert 500 <= len(jobs) < 2000
        assert all(1 <= int(answer.headers["Retry-After"]) <= 600 for answer in refused)
        assert endings(Api(stack.url), jobs, 500) == {"succeeded": len(jobs)}
        grown = {name: memory_mib(stack)[name] - before[name] for name in before}
        print(f"accepted {len(jobs)}; memory grown by MiB: {grown}")
        assert all(mebibytes < 300 for mebibytes in grown.values()), grown


def memory_mib(stack: Stack) -> dict[str, int]:
    """Return each program's resident memory, including its children's."""
    found = {}
    for program in stack.supervisor.children:
        root = psutil.Process(program.process.pid)
        processes = [root, *root.children(recursive=True)]
        found[program.program.name] = sum(process.memory_info().rss for process in processes) // 2**20
    return found


@pytest.mark.chaos
def test_a_full_disk_is_told_and_heals(tmp_path: Path) -> None:
    """Redis can no longer write: no job is accepted that might be lost, and all jobs accepted before end."""
    with service(tmp_path) as stack:
        api = Api(stack.url)
        program = child(stack, "redis")
        # A process that exceeds its file size limit receives a signal, unlike with a full disk.
        command = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh", *program.program.command]
        program.program = replace(program.program, command=command)
        first = program.process
        first.kill()
        eventually(lambda: child(stack, "redis").process is not first and api.submit(word="学").status_code == 202)
        jobs = submit(api, 4, num_inference_steps=20)
        server = psutil.Process(child(stack, "redis").process.pid)
        used = max(file.stat().st_size for file in (tmp_path / "redis").rglob("*.aof"))
        server.rlimit(psutil.RLIMIT_FSIZE, (used + 4096, resource.RLIM_INFINITY))
        # A response of 503 is falsy.
        (refused,) = eventually(lambda: [a for a in [api.submit(word="学")] if a.status_code == 503], 30)
        assert refused.json()["code"] == "queue_unavailable"
        assert refused.headers["Retry-After"]
        server.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(lambda: api.submit(word="学", num_inference_steps=1).status_code == 202, 30)
        assert endings(api, jobs, 120) == {"succeeded": 4}


@pytest.mark.chaos
def test_a_clock_that_jumps_an_hour(tmp_path: Path) -> None:
    """The times stored in Celery's queue are an hour off, so it redelivers running jobs, without effect."""
    with service(tmp_path, workers=2) as stack:
        api = Api(stack.url)
        jobs = submit(api, 8, num_inference_steps=40)
        eventually(lambda: len(running(api, jobs)) >= 4)
        client = redis.Redis.from_url(stack.redis_url)
        for shift_s in (-3600, 3600):
            for tag in client.zrange("unacked_index", 0, -1):
                client.zincrby("unacked_index", shift_s, tag)
            time.sleep(12)  # kombu checks every ten seconds
        assert endings(api, jobs, 240) == {"succeeded": 8}
        assert finishes(tmp_path) == 8


@pytest.mark.chaos
def test_results_that_fill_redis_make_room_and_the_worker_lives(tmp_path: Path) -> None:
    """Old results are evicted, no job is refused because of them, and the worker process survives."""
    # Admission depends on what the jobs in flight will need; these are submitted one after another.
    with service(tmp_path, WRITING_RESULTS__BUDGET_SHARE="0.2") as stack:
        api, client = Api(stack.url), redis.Redis.from_url(stack.redis_url)
        first_worker = child(stack, "worker-1").process.pid
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 6_000_000)
        time.sleep(1.5)  # for this long, API and worker cache the limit
        jobs = []
        for seed in range(25):
            answer = api.submit(word="学", num_inference_steps=1, seed=seed)
            assert answer.status_code == 202, answer.text
            jobs.append(answer.json()["job_id"])
            status = f"/api/writing/jobs/{jobs[-1]}?result=links"
            eventually(lambda path=status: api.get(path).json()["status"] == "succeeded", 60)
        codes = [api.get(f"/api/writing/jobs/{job}/image").status_code for job in jobs]
        kept = codes.count(200)
        assert codes == [410] * (len(jobs) - kept) + [200] * kept
        assert 0 < kept < len(jobs)
        assert child(stack, "worker-1").process.pid == first_worker
        memory = client.info("memory")
        assert memory["used_memory"] < memory["maxmemory"]
        print(f"{len(jobs)} jobs, {kept} results kept, {memory['used_memory']} of {memory['maxmemory']} bytes used")


@pytest.mark.chaos
def test_the_worker_outlives_a_redis_that_something_else_has_filled(tmp_path: Path) -> None:
    with service(tmp_path) as stack:
        api, client = Api(stack.url), redis.Redis.from_url(stack.redis_url)
        first_worker = child(stack, "worker-1").process.pid
        running = api.submit(word="学", num_inference_steps=40).json()["job_id"]
        eventually(lambda: api.job(running)["status"] == "running")
        waiting = submit(api, 6)
        client.config_set("maxmemory", client.info("memory")["used_memory"] - 200_000)
        refused = api.submit(word="学")
        assert (refused.status_code, refused.json()["code"]) == (503, "queue_unavailable")
        time.sleep(5)  # the worker encounters the full Redis
        client.config_set("maxmemory", 0)
        assert endings(api, [running, *waiting]) == {"succeeded": 7}
        assert child(stack, "worker-1").process.pid == first_worker
