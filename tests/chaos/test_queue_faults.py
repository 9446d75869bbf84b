"""Guarantees when jobs crash natively, and when the queue changes: revokes, partial upgrades, data loss."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from celery import Celery

from local.stack import Stack
from shared.celery_app import make_celery
from shared.settings import load_settings
from tests.chaos.deadly_word import DEADLY
from tests.chaos.services import attempts, endings, running, service, submit
from tests.helpers import Api, child, eventually


def celery_of(stack: Stack) -> Celery:
    return make_celery(load_settings({"WRITING_REDIS__URL": stack.redis_url}))


def redis_of(stack: Stack) -> "redis.Redis":
    return redis.Redis.from_url(stack.redis_url, decode_responses=True)


def crash_counts(stack: Stack, jobs: list[str]) -> list[int]:
    return [int(redis_of(stack).hget(f"writing:job:{job}", "deaths") or 0) for job in jobs]


def quarantine(stack: Stack, jobs: list[str]) -> None:
    """Make waiting jobs look as if they had crashed a worker."""
    for job in jobs:
        redis_of(stack).hset(f"writing:job:{job}", "deaths", 1)


def replace_worker(stack: Stack, module: str) -> None:
    """Replace the worker's program from its next start on."""
    worker = child(stack, "worker-1")
    worker.program = replace(worker.program, command=[worker.program.command[0], "-m", module])
    worker.process.kill()


def crash_among_others(api: Api) -> tuple[str, list[str]]:
    """Submit a job that crashes natively and ten others. Only the former fails. Return their ids."""
    deadly = api.submit(word=DEADLY, translation="death").json()["job_id"]
    others = submit(api, 10, num_inference_steps=2)
    ended = api.finished(deadly, 180)
    assert (ended["status"], ended["error"]["code"]) == ("failed", "poisoned")
    assert "SIGSEGV" in ended["error"]["detail"]
    assert endings(api, others, 180) == {"succeeded": 10}
    return deadly, others


@pytest.mark.chaos
def test_a_native_crash_costs_one_worker_and_its_neighbours_nothing(tmp_path: Path) -> None:
    """The rehearsal crashes as the worker did, so no second worker is put at risk."""
    with service(tmp_path, WRITING_QUEUE__LEASE_S="2") as stack:
        api = Api(stack.url)
        replace_worker(stack, "tests.chaos.fragile_conditioning")
        deadly, others = crash_among_others(api)
        assert crash_counts(stack, [deadly]) == [1]
        assert max(crash_counts(stack, others)) <= 1


@pytest.mark.chaos
def test_others_proceed_while_quarantined_jobs_take_their_turn(tmp_path: Path) -> None:
    """With more quarantined jobs than threads, they run one at a time, and an ordinary job runs beside them."""
    with service(tmp_path, WRITING_WORKER__CONCURRENCY="3") as stack:
        api = Api(stack.url)
        worker = child(stack, "worker-1").process
        worker.send_signal(signal.SIGSTOP)
        quarantined = submit(api, 6, num_inference_steps=30)
        quarantine(stack, quarantined)
        worker.send_signal(signal.SIGCONT)
        eventually(lambda: len(running(api, quarantined)) == 1, 120)
        innocent = submit(api, 3, num_inference_steps=2)
        most = 0
        while any(api.job(job)["status"] in {"queued", "running"} for job in innocent):
            most = max(most, len(running(api, quarantined)))
            time.sleep(0.1)
        left = [job for job in quarantined if api.job(job)["status"] in {"queued", "running"}]
        assert len(left) >= 4, "ordinary jobs did not wait for the quarantined ones"
        assert most <= 1
        assert endings(api, quarantined + innocent, 300) == {"succeeded": 9}
        assert attempts(stack, quarantined + innocent) == [1] * 9


@pytest.mark.chaos
def test_quarantined_jobs_of_a_worker_that_ends_or_dies_are_done_by_the_next(tmp_path: Path) -> None:
    """They wait in its memory without messages, which are sent when the worker ends or falls silent."""
    with service(tmp_path, WRITING_QUEUE__LEASE_S="2", WRITING_QUEUE__RECONCILE_S="1000") as stack:
        api = Api(stack.url)
        for end in (signal.SIGTERM, signal.SIGKILL):
            worker = child(stack, "worker-1").process
            worker.send_signal(signal.SIGSTOP)
            quarantined = submit(api, 3, num_inference_steps=40)
            quarantine(stack, quarantined)
            worker.send_signal(signal.SIGCONT)
            eventually(lambda jobs=quarantined: len(running(api, jobs)) == 1, 120)
            eventually(lambda: redis_of(stack).llen("interactive") == 0)
            worker.send_signal(end)
            assert endings(api, quarantined, 140) == {"succeeded": 3}


@pytest.mark.chaos
def test_a_quarantined_job_is_cancelled_by_its_client_or_by_a_revoke(tmp_path: Path) -> None:
    """While it waits in quarantine, it has no message that Celery could discard."""
    with service(tmp_path) as stack:
        api, client = Api(stack.url), redis_of(stack)
        worker = child(stack, "worker-1").process
        worker.send_signal(signal.SIGSTOP)
        jobs = submit(api, 4, num_inference_steps=100)
        quarantine(stack, jobs)
        worker.send_signal(signal.SIGCONT)
        (first,) = eventually(lambda: running(api, jobs), 120)
        eventually(lambda: client.llen("interactive") == 0)
        revoked, cancelled, last = (job for job in jobs if job != first)
        celery_of(stack).control.revoke(revoked)
        api.cancel(cancelled)
        assert {api.finished(job, 120)["status"] for job in (revoked, cancelled)} == {"cancelled"}
        assert {api.finished(job, 120)["status"] for job in (first, last)} == {"succeeded"}
        assert attempts(stack, [revoked, cancelled]) == [0, 0]


@pytest.mark.chaos
def test_a_revoked_job_is_cancelled(tmp_path: Path) -> None:
    """`revoke` ends waiting jobs, and `terminate` running ones; a plain `revoke` does not affect running jobs."""
    with service(tmp_path, WRITING_WORKER__CONCURRENCY="1") as stack:
        api, control = Api(stack.url), celery_of(stack).control
        jobs = submit(api, 4, num_inference_steps=100)
        (first,) = eventually(lambda: running(api, jobs))
        waiting = [job for job in jobs if job != first]
        control.revoke([first, waiting[0]])
        control.revoke(waiting[1], terminate=True, signal="SIGKILL")
        assert {api.finished(job)["status"] for job in waiting[:2]} == {"cancelled"}
        assert api.finished(first)["status"] == "succeeded"
        eventually(lambda: api.job(waiting[2])["status"] == "running")
        control.terminate(waiting[2])
        assert api.finished(waiting[2])["status"] == "cancelled"
        control.revoke(["nope", first])
        assert endings(api, submit(api, 1)) == {"succeeded": 1}


@pytest.mark.chaos
def test_half_an_upgrade(tmp_path: Path) -> None:
    """With a newer worker's heartbeat and a newer API's jobs, calls work, and unreadable jobs end with a code."""
    with service(tmp_path) as stack:
        api, client = Api(stack.url), redis_of(stack)
        info = str(client.get(client.keys("writing:worker:*")[0]))
        for worker_id, text in {
            "newer": info[:-1] + ',"colour":"red"}',
            "strange": '{"worker_id":1}',
            "no": "{",
        }.items():
            client.set(f"writing:worker:{worker_id}", text)
            client.zadd("writing:workers", {worker_id: time.time()})
        client.lpush("writing:recent_failures", '{"job_id":"x"}', "no json",
                     '{"job_id":"a","code":"c","detail":"d","ended_at":1,"new":2}')  # fmt: skip
        worker = child(stack, "worker-1").process
        worker.send_signal(signal.SIGSTOP)
        more, strange = submit(api, 2)
        client.hset(f"writing:job:{more}", mapping={"request": '{"word":"学","dimension":4}', "mood": "good"})
        client.hset(f"writing:job:{strange}", "request", '{"word":"学","quality":"unheard-of"}')
        assert [api.job(job)["status"] for job in (more, strange)] == ["queued", "queued"]
        worker.send_signal(signal.SIGCONT)
        for path in ("/api/writing/status", "/metrics", "/health", "/health/detailed"):
            assert api.get(path).status_code == 200, path
        assert len(api.get("/api/writing/status").json()["workers"]) == 2
        assert api.finished(more, 60)["status"] == "succeeded"
        ended = api.finished(strange, 60)
        assert (ended["status"], ended["error"]["code"]) == ("failed", "unreadable_record")


FOREIGN = [
    "", "no json", "7", "null", "[]", "{}", '{"headers": null}', '{"body": 1, "headers": {}, "properties": {}}',
    '{"body": "e30=", "headers": {"task": "another", "id": "x"}, "properties": {"delivery_tag": "t"}}', b"\xff\xfe",
]  # fmt: skip


@pytest.mark.chaos
def test_foreign_messages_stop_nothing(tmp_path: Path) -> None:
    """They do not end the worker, and jobs without a message get one although the queues contain foreign entries."""
    with service(tmp_path, WRITING_QUEUE__RECONCILE_S="1") as stack:
        api, client = Api(stack.url), redis_of(stack)
        first_worker = child(stack, "worker-1").process.pid
        for queue in ("interactive", "bulk"):
            client.lpush(queue, *FOREIGN)
        for args in ([["x"]], [1, 2, 3], [], ["unknown"]):
            celery_of(stack).send_task("writing.generate", args=args, queue="bulk")
        assert endings(api, submit(api, 2) + submit(api, 2, priority="bulk")) == {"succeeded": 4}
        worker = child(stack, "worker-1").process
        worker.send_signal(signal.SIGSTOP)
        jobs = submit(api, 2)
        celery_of(stack).control.purge()
        client.lpush("interactive", *FOREIGN)
        worker.send_signal(signal.SIGCONT)
        assert endings(api, jobs) == {"succeeded": 2}
        assert child(stack, "worker-1").process.pid == first_worker


@pytest.mark.chaos
def test_redis_loses_its_last_second(tmp_path: Path) -> None:
    """After a power cut, a job that had succeeded runs again, because its older record remains."""
    with service(tmp_path) as stack:
        api = Api(stack.url)
        (job,) = submit(api, 1, num_inference_steps=40)
        eventually(lambda: api.job(job)["progress"]["step"] > 2)
        (log,) = (tmp_path / "redis").rglob("*.aof")
        kept = log.stat().st_size
        assert api.finished(job)["status"] == "succeeded"
        server = child(stack, "redis").process
        os.kill(server.pid, signal.SIGSTOP)
        with log.open("r+b") as file:
            file.truncate(kept)  # Redis repairs a truncated command
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: status_of(api, job) in {"running", "queued"})
        assert api.finished(job, 60)["status"] == "succeeded"
        assert attempts(stack, [job]) == [2]


def status_of(api: Api, job: str) -> str:
    """Return a job's status, or '' while Redis is down."""
    answer = api.get(f"/api/writing/jobs/{job}")
    return answer.json()["status"] if answer.status_code == 200 else ""


@pytest.mark.chaos
def test_a_step_that_never_returns_ends_its_worker_and_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    """The watchdog ends the worker and its jobs are quarantined; only the job at fault fails."""
    with service(tmp_path, WRITING_QUEUE__LEASE_S="2", WRITING_QUEUE__MAX_DEATHS="2") as stack:
        api = Api(stack.url)
        replace_worker(stack, "tests.chaos.stuck_worker")
        stuck = api.submit(word=DEADLY, translation="death").json()["job_id"]
        others = submit(api, 4, num_inference_steps=2)
        ended = api.finished(stuck, 240)
        assert (ended["status"], ended["error"]["code"]) == ("failed", "poisoned")
        assert endings(api, others, 180) == {"succeeded": 4}
        assert crash_counts(stack, [stuck]) == [2]


@pytest.mark.chaos
def test_a_worker_with_a_stuck_step_ends_when_told_to(tmp_path: Path) -> None:
    with service(tmp_path) as stack:
        api = Api(stack.url)
        replace_worker(stack, "tests.chaos.stuck_worker")
        stuck = api.submit(word=DEADLY, translation="death").json()["job_id"]
        eventually(lambda: api.job(stuck)["stage"] == "diffusion", 120)
        worker = child(stack, "worker-1").process
        worker.terminate()
        assert worker.wait(60) == os.EX_SOFTWARE
