"""What must hold when Redis dies, is full, or its clock jumps."""

import os
import resource
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import redis

from shared.celery_app import make_celery
from shared.settings import load_settings
from tests.chaos.services import endings, finishes, running, service, submit
from tests.helpers import LONG, Api, child, eventually


@pytest.mark.chaos
def test_redis_killed_with_a_full_queue(tmp_path: Path) -> None:
    """With 100 jobs queued and some running, ten seconds without Redis give 503, and every job ends once."""
    with service(tmp_path) as stack:
        api = Api(stack.url)
        jobs = submit(api, 108, num_inference_steps=2)
        server = child(stack, "redis")
        # While a busy disk syncs, Redis answers before it writes.
        eventually(lambda: redis.Redis.from_url(stack.redis_url).info("persistence")["aof_buffer_length"] == 0)
        os.kill(server.process.pid, signal.SIGSTOP)  # so that the supervisor does not restart it at once
        assert api.submit(word="学").status_code == 503
        time.sleep(10)
        os.kill(server.process.pid, signal.SIGKILL)
        eventually(lambda: api.get(f"/api/writing/jobs/{jobs[0]}").status_code == 200)
        assert endings(api, jobs, 240) == {"succeeded": 108}
        assert finishes(tmp_path) == 108


@pytest.mark.chaos
def test_a_full_disk_is_told_and_heals(tmp_path: Path) -> None:
    """Redis can no longer write: no job is accepted that might be lost, and all jobs accepted before end."""
    with service(tmp_path) as stack:
        api = Api(stack.url)
        worker = child(stack, "worker-1").process.pid
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
        (refused,) = eventually(lambda: [a for a in [api.submit(word="学")] if a.status_code == 503])
        assert refused.json()["code"] == "queue_unavailable"
        assert refused.headers["Retry-After"]
        server.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(lambda: api.submit(word="学", num_inference_steps=1).status_code == 202)
        assert endings(api, jobs, 120) == {"succeeded": 4}
        assert child(stack, "worker-1").process.pid == worker


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
            with make_celery(load_settings({"WRITING_REDIS__URL": stack.redis_url})).connection() as connection:
                connection.default_channel.qos.restore_visible()  # kombu itself looks once in about 100 s
            time.sleep(3)
        assert endings(api, jobs, 240) == {"succeeded": 8}
        assert finishes(tmp_path) == 8
        assert {client.hget(f"writing:job:{job}", "attempts") for job in jobs} == {b"1"}


@pytest.mark.chaos
def test_connections_that_are_cut_cost_nothing(tmp_path: Path) -> None:
    """The broker's connection gives its messages back, so the only worker gets those of its running jobs again.

    A worker with a job in each of its four threads does not listen, so it would not notice.
    """
    with service(tmp_path) as stack:
        api, client = Api(stack.url), redis.Redis.from_url(stack.redis_url)
        jobs = submit(api, 2, **LONG)
        eventually(lambda: len(running(api, jobs)) == 2)
        for _ in range(2):
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(4)
        assert (tmp_path / "worker-1.log").read_text().count("Connection to broker lost") > 0
        assert endings(api, jobs, 240) == {"succeeded": 2}
        assert {client.hget(f"writing:job:{job}", "attempts") for job in jobs} == {b"1"}


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
            eventually(lambda path=status: api.get(path).json()["status"] == "succeeded")
        codes = [api.get(f"/api/writing/jobs/{job}/image").status_code for job in jobs]
        kept = codes.count(200)
        assert codes == [410] * (len(jobs) - kept) + [200] * kept
        assert 0 < kept < len(jobs)
        assert child(stack, "worker-1").process.pid == first_worker
        memory = client.info("memory")
        assert memory["used_memory"] < memory["maxmemory"]
        print(f"{len(jobs)} jobs, {kept} results kept, {memory['used_memory']} of {memory['maxmemory']} bytes used")


@pytest.mark.chaos
@pytest.mark.parametrize("fault", ["a lost replica", "a failover"])
def test_the_worker_outlives_a_redis_that_refuses_writes(tmp_path: Path, fault: str) -> None:
    """It would otherwise load its model again, as would all other workers at the same time."""
    with service(tmp_path) as stack:
        api, client = Api(stack.url), redis.Redis.from_url(stack.redis_url)
        first_worker = child(stack, "worker-1").process.pid
        jobs = submit(api, 2)  # with a job in each of its four threads it does not listen
        if fault == "a lost replica":
            client.config_set("min-replicas-to-write", 1)
            time.sleep(5)
            client.config_set("min-replicas-to-write", 0)
        else:
            client.replicaof("127.0.0.1", 1)
            time.sleep(5)
            client.replicaof("NO", "ONE")
        assert endings(api, jobs, 120) == {"succeeded": 2}
        assert api.draw(word="学", num_inference_steps=1)["success"]
        assert child(stack, "worker-1").process.pid == first_worker


def how_it_succeeded(api: Api, job: str) -> str | None:
    """Return "succeeded", "result_expired" if its result made room for a newer one, or None while it has no end."""
    answer = api.get(f"/api/writing/jobs/{job}").json()
    assert answer["status"] not in {"failed", "cancelled"}, answer
    return next((end for end in ("succeeded", "result_expired") if end in answer.values()), None)


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
        assert (refused.status_code, refused.json()["code"]) == (503, "queue_out_of_memory")
        time.sleep(5)  # the worker encounters the full Redis
        client.config_set("maxmemory", 0)
        ends = Counter(eventually(lambda job=job: how_it_succeeded(api, job), 120) for job in [running, *waiting])
        assert ends["succeeded"] >= 1
        assert ends.total() == 7
        assert len(api.draw(word="学")["generated_image_base64"]) > 0
        assert child(stack, "worker-1").process.pid == first_worker
