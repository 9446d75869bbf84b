"""Guarantees when picture processes crash, or their worker ends."""

import signal
from pathlib import Path

import psutil
import pytest

from local.stack import Stack
from tests.chaos.services import attempts, endings, service, submit
from tests.chaos.test_queue_faults import crash_among_others, crash_counts, replace_worker
from tests.helpers import Api, child, eventually


def picture_processes(stack: Stack) -> list[int]:
    worker = psutil.Process(child(stack, "worker-1").process.pid)
    return [one.pid for one in worker.children() if "server" in " ".join(one.cmdline())]


@pytest.mark.chaos
def test_a_native_crash_costs_neither_a_worker_nor_its_neighbours(tmp_path: Path) -> None:
    """Only the job itself fails, in the same worker, and names the signal; its processes are replaced."""
    with service(tmp_path, WRITING_WORKER__PICTURE_PROCESSES="2") as stack:
        api = Api(stack.url)
        replace_worker(stack, "tests.chaos.fragile_pictures")
        assert endings(api, submit(api, 1, num_inference_steps=2), 120) == {"succeeded": 1}
        worker = child(stack, "worker-1").process.pid
        deadly, others = crash_among_others(api)
        assert attempts(stack, others) == [1] * 10
        assert crash_counts(stack, [deadly, *others]) == [0] * 11
        assert child(stack, "worker-1").process.pid == worker
        assert len(picture_processes(stack)) == 2


@pytest.mark.chaos
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_picture_process_outlives_its_worker(tmp_path: Path, end: signal.Signals) -> None:
    """With jobs in flight, which the next worker draws."""
    with service(tmp_path, WRITING_QUEUE__LEASE_S="2", WRITING_WORKER__PICTURE_PROCESSES="2") as stack:
        api = Api(stack.url)
        (worker,) = api.get("/api/writing/status").json()["workers"]
        assert worker["setup"]["picture_processes"] == "2: as configured"
        pids = picture_processes(stack)
        assert len(pids) == 2
        jobs = submit(api, 6)
        eventually(lambda: any(api.job(job)["status"] == "running" for job in jobs))
        child(stack, "worker-1").process.send_signal(end)
        eventually(lambda: not any(map(psutil.pid_exists, pids)))
        assert endings(api, jobs, 180) == {"succeeded": 6}
