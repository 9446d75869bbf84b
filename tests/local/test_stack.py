"""The programs of a stack."""

from pathlib import Path

import psutil
import redis

from local.private_redis import LEAST_BYTES, memory_limit
from local.stack import Stack


def test_redis_has_a_limit_within_which_results_are_evicted(tmp_path: Path) -> None:
    """Without one, a day's pictures could fill the machine's memory."""
    with Stack(workers=0, data_folder=tmp_path / "redis", log_folder=tmp_path) as stack:
        limit = redis.Redis.from_url(stack.redis_url).info("memory")["maxmemory"]
    assert limit == max(LEAST_BYTES, psutil.virtual_memory().total // 4)


def test_the_limit_of_redis_leaves_room_beside_the_data_that_are_there(tmp_path: Path) -> None:
    """A Redis above its limit refuses everything, and evicts nothing."""
    machine = memory_limit(tmp_path)
    with (tmp_path / "appendonly.aof").open("wb") as file:
        file.truncate(machine)
    assert memory_limit(tmp_path) >= 1.3 * machine
