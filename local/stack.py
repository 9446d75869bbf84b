"""The service's programs on this machine, and the settings that connect them."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from local.data_folder import lock_folder
from local.private_redis import PrivateRedis, memory_limit
from local.signals import interrupted_by_signals
from local.supervisor import Program, Supervisor
from shared.settings import load_settings
from writing_client.session import request

HOST = "127.0.0.1"
FLOWER_PORT = 5555
EMBEDDED: Mapping[str, str] = {"WRITING_MODEL": "embedded"}  # a stack's environment, whatever model the shell names
REDIS_START_S = 15.0


class Stack:
    """Redis, workers and API under one supervisor. As a context manager, it stops them all on exit.

    While it runs, every termination signal is raised as KeyboardInterrupt.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        workers: int = 1,
        flower: bool = False,
        data_folder: Path,
        log_folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Configure the stack.

        Args:
            port: the API's port; None for any free one.
            workers: the number of worker processes.
            flower: also start Flower, on port 5555.
            data_folder: the folder of Redis's files, used by one stack at a time.
            log_folder: the folder for the programs' output; None for this terminal.
            environment: additional environment variables for all programs.
        """
        self.port = port or free_port()
        self._redis = PrivateRedis(HOST, free_port())
        self.redis_url = self._redis.url
        self.url = f"http://{HOST}:{self.port}"
        self.supervisor = Supervisor(log_folder)
        self._workers = workers
        self._flower = flower
        self._data_folder = data_folder
        self._environment = {
            **(environment or {}),
            "WRITING_REDIS__URL": self.redis_url,
            "WRITING_API__HOST": HOST,
            "WRITING_API__PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }

    def __enter__(self) -> "Stack":
        """Start the programs.

        Raises:
            SettingsError: a setting is invalid, or another stack uses the data folder.
            ChildFailed, TimeoutError: Redis does not start.
        """
        load_settings()  # an invalid setting is reported here, once
        with ExitStack() as opened:
            opened.enter_context(interrupted_by_signals())
            lock = lock_folder(self._data_folder)
            opened.callback(os.close, lock)
            opened.callback(self.supervisor.end)
            self._start(lock)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _start(self, lock: int) -> None:
        self.supervisor.start(self._redis.program(self._data_folder, lock, memory_limit(self._data_folder)))
        self.wait_for(self._redis.answers, REDIS_START_S, "Redis")
        self.supervisor.start(self._python("api", "-m", "cli", "api"))
        for number in range(1, self._workers + 1):
            self.supervisor.start(self._worker_program(number))
        if self._flower:
            self.supervisor.start(self._flower_program())

    def wait_for(
        self, condition: Callable[[], bool], timeout_s: float, what: str, on_wait: Callable[[], object] | None = None
    ) -> None:
        """Wait until a condition holds, keeping the programs alive.

        Raises:
            TimeoutError: the condition does not hold in time.
            ChildFailed: a program cannot run.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"timed out after {timeout_s:.0f} s waiting for {what}")
            self.supervisor.check()
            if on_wait:
                on_wait()
            time.sleep(0.1)

    def wait_until_ready(self, timeout_s: float, on_wait: Callable[[], object] | None = None) -> None:
        """Wait until the API answers and a worker is warm. Raises as `wait_for`."""
        self.wait_for(self._is_ready, timeout_s, "a warm worker", on_wait)

    def _is_ready(self) -> bool:
        try:
            return request("GET", f"{self.url}/health/ready", timeout=3).ok
        except requests.RequestException:
            return False

    def _python(self, name: str, *arguments: str) -> Program:
        return Program(name, [sys.executable, *arguments], self._environment)

    def _worker_program(self, number: int) -> Program:
        # Workers on the CPU share its cores. If each had as many threads as there are cores, two workers would be
        # slower than one, since threads spin while they wait for one another.
        threads = max(1, (os.cpu_count() or 1) // self._workers)
        defaults = {
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",
            "WRITING_WORKER__GPU_LOCKS": str(self._gpu_locks),
        }
        program = self._python(f"worker-{number}", "-m", "cli", "worker")
        return replace(program, environment={**defaults, **program.environment})

    @property
    def _gpu_locks(self) -> Path:
        """The folder in which each worker claims a GPU; the settings may name one that is shared with other workers."""
        return load_settings().worker.gpu_locks or self._data_folder.resolve() / "gpu-locks"

    def _flower_program(self) -> Program:
        celery = ["-m", "celery", "-A", "shared.celery_command_line"]
        return self._python("flower", *celery, "flower", f"--address={HOST}", f"--port={FLOWER_PORT}")


@contextmanager
def temporary_stack(**options: Any) -> Iterator[Stack]:
    """Run a stack whose data and logs are deleted afterwards. Options and errors are those of `Stack`."""
    with TemporaryDirectory() as folder, Stack(data_folder=Path(folder), log_folder=Path(folder), **options) as stack:
        yield stack


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_port_free(port: int) -> bool:
    """Return whether a port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
