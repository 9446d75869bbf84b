"""The programs of a stack."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import redis

from local.private_redis import LEAST_BYTES, memory_limit
from local.stack import Stack
from shared.settings import load_settings
from tests.helpers import eventually


def test_redis_has_a_limit_within_which_results_are_evicted(tmp_path: Path) -> None:
    """Without one, a day's pictures could fill the machine's memory."""
    with Stack(workers=0, data_folder=tmp_path / "redis", log_folder=tmp_path) as stack:
        limit = redis.Redis.from_url(stack.redis_url).info("memory")["maxmemory"]
    free = psutil.disk_usage(str(tmp_path)).free
    assert LEAST_BYTES <= limit <= max(LEAST_BYTES, psutil.virtual_memory().total // 4)
    assert limit <= max(LEAST_BYTES, free)


@pytest.mark.parametrize(("free_gib", "limit_gib"), [(1, 1), (12, 3), (1000, 16)])
def test_the_limit_of_redis_leaves_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_gib: int, limit_gib: int
) -> None:
    """Its file grows to twice the data before Redis writes a new one beside it."""
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 2**30, "SC_PHYS_PAGES": 64}.__getitem__)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_gib * 2**30))
    assert memory_limit(tmp_path) == limit_gib * 2**30


def test_the_limit_of_redis_leaves_room_beside_the_data_that_are_there(tmp_path: Path) -> None:
    """A Redis above its limit refuses everything, and evicts nothing."""
    machine = memory_limit(tmp_path)
    with (tmp_path / "appendonly.aof").open("wb") as file:
        file.truncate(machine)
    assert memory_limit(tmp_path) >= 1.3 * machine


@pytest.mark.parametrize("own", [None, "elsewhere"])
def test_the_workers_of_a_machine_each_claim_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    """Without a folder of locks, all of them would use the first card."""
    if own:
        monkeypatch.setenv("WRITING_WORKER__GPU_LOCKS", str(tmp_path / own))
    with Stack(workers=2, data_folder=tmp_path / "redis", log_folder=tmp_path) as stack:
        workers = [child for child in stack.supervisor.children if child.program.name.startswith("worker")]
        # Until a process runs its program, it has no environment of its own.
        environments = [eventually(psutil.Process(worker.process.pid).environ) for worker in workers]
    locks = [load_settings(environment).worker.gpu_locks for environment in environments]
    assert locks == [tmp_path / (own or "redis/gpu-locks")] * 2
