"""The private Redis of a stack: only its owner can use it, and finds its address."""

from pathlib import Path

import psutil
import pytest
import redis

from local.private_redis import ADDRESS, CONFIG
from local.stack import Stack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "redis"


@pytest.fixture
def without_workers(folder: Path, tmp_path: Path) -> Stack:
    return Stack(workers=0, data_folder=folder, log_folder=tmp_path / "logs")


def test_who_does_not_know_the_password_can_do_nothing(without_workers: Stack) -> None:
    with without_workers as stack:
        owner = redis.Redis.from_url(stack.redis_url)
        port = owner.connection_pool.connection_kwargs["port"]
        for password in (None, "wrong"):
            stranger = redis.Redis(port=port, password=password)
            with pytest.raises(redis.AuthenticationError):
                stranger.config_set("dir", "/tmp")  # noqa: S108  # as to write a file of any name
        assert owner.ping()


def test_the_password_is_only_where_the_owner_alone_can_read(
    without_workers: Stack, folder: Path, tmp_path: Path
) -> None:
    folder.mkdir()
    (folder / ADDRESS).touch(0o666)  # as left by another program
    with without_workers as stack:
        password = redis.Redis.from_url(stack.redis_url).connection_pool.connection_kwargs["password"]
        commands = [process.cmdline() for child in stack.supervisor.children for process in _tree(child.process.pid)]
        assert (folder / ADDRESS).read_text().strip() == stack.redis_url
        for name in (ADDRESS, CONFIG):
            assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert len(password) >= 32
    assert password not in str(commands)
    assert all(password not in log.read_text() for log in (tmp_path / "logs").iterdir())


def test_each_start_has_a_new_password_and_the_data_of_the_last(folder: Path, tmp_path: Path) -> None:
    addresses = set()
    for number in range(2):
        with Stack(workers=0, data_folder=folder, log_folder=tmp_path) as stack:
            assert redis.Redis.from_url(stack.redis_url).incr("starts") == number + 1
            addresses.add(stack.redis_url)
    assert len(addresses) == 2
    assert folder.stat().st_mode & 0o077 == 0, "other users cannot read the jobs in it"


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
