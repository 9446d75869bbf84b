"""Guarantees when a process dies, freezes or is asked to stop, and under overload."""

import random
import signal
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import requests

from tests.chaos.deadly_word import DEADLY
from tests.chaos.services import READY_S, attempts, endings, finishes, memory_mib, running, service, submit
from tests.helpers import Api, child, eventually


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
        eventually(lambda: "now belongs to another worker" in log.read_text())
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
