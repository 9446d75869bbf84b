"""Other processes that compile a model's blocks before this one does.

PyTorch traces graphs and generates their code in the calling thread, one graph after another, which takes minutes for
SDXL. Processes that do this for some of them each leave their results in the compile cache, where the worker
then finds them.

Each takes an example when it has finished one: how long one takes is hard to tell before, and a process that fails
leaves only its own to the worker.
"""

import logging
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
import torch

from shared.gpu_profiles import GIB
from worker.engine.compile_examples import Example

logger = logging.getLogger("engine")

MODULE = "worker.engine.compile_process"
# Cores are left to the worker. Memory is what one takes with PyTorch and CUDA loaded, and the card's memory for each
# includes its share of the model's.
MOST, CORES_LEFT, PROCESS_GIB, CARD_GIB = 14, 2, 4.0, 3.0
TIMEOUT_S, SEND_S = 600.0, 0.1


class CompileProcesses:
    """Processes that are ready to compile. They take as long to start as a model to be loaded."""

    def __init__(self, count: int, cache: Path, device: torch.device) -> None:
        """Start ``count`` processes, which fill the folder ``cache`` with graphs for the device.

        Raises:
            OSError: they cannot be started.
        """
        # Each compiles in one thread: together they keep the cores busy.
        environment = {**os.environ, "TORCHINDUCTOR_COMPILE_THREADS": "1"}
        command = [sys.executable, "-m", MODULE, str(cache), str(device)]
        # Each message goes whole to one of those that wait for one.
        self._queue, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._processes = [
                subprocess.Popen(command, stdin=theirs.fileno(), env=environment, start_new_session=True)
                for _ in range(count)
            ]

    def __len__(self) -> int:
        """Return the number of processes."""
        return len(self._processes)

    def compile(self, examples: Sequence[Example]) -> None:
        """Hand out the examples to the processes, and wait until they have compiled them and ended.

        Raises:
            RuntimeError: a process failed. What it has left out has still to be compiled.
        """
        started = time.monotonic()
        self._send(examples, started + TIMEOUT_S)
        failed = [code for process in self._processes if (code := _wait(process, started + TIMEOUT_S))]
        logger.info("compiled %d graphs in %.1f s", len(examples), time.monotonic() - started)
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(self)} compile processes failed, with exit codes {failed}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End those that have got nothing to do."""
        self._queue.close()
        for process in self._processes:
            process.kill()  # has no effect if it has ended
            process.wait()

    def _send(self, examples: Sequence[Example], end: float) -> None:
        """Send the examples in their order. Where nobody takes them in time, the processes' exit codes say why."""
        with suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
            for example in examples:
                self._queue.settimeout(max(SEND_S, end - time.monotonic()))
                self._queue.send(pickle.dumps(example))
        self._queue.shutdown(socket.SHUT_WR)  # not closed: they would end at once


def how_many(wanted: int | None, cores: int, *, card_gib: float, cards: int = 1) -> int:
    """Return the number of processes for a worker.

    Args:
        wanted: the setting; None chooses as many as the machine has room for beside the worker.
        cores: the number that this process may use.
        card_gib: the card's free memory, before the model is loaded.
        cards: the number that this process sees. Each may have a worker that starts at the same time and takes its
            share.
    """
    if wanted is not None:
        return wanted
    free_cores = max(cores // 2, cores - CORES_LEFT * cards)
    return int(min(MOST, free_cores / cards, available_gib() / cards / PROCESS_GIB, card_gib / CARD_GIB))


def available_gib(group: Path = Path("/sys/fs/cgroup")) -> float:
    """Return the memory that this process may still use: the machine's, or what its container's limit leaves.

    Args:
        group: the folder of the process's control group, version 2.
    """
    available = psutil.virtual_memory().available
    with suppress(OSError, ValueError):  # there is no such group, or it has no limit
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        available = min(available, limit - used)
    return available / GIB


def _wait(process: subprocess.Popen[bytes], end: float) -> int:
    """Return the exit code of a process, which is killed if it has not ended in time."""
    try:
        return process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
