"""The choice between threads and processes for picture work."""

import os

from shared.settings import Settings
from worker.picture_work.executor import Executor, ThreadExecutor
from worker.picture_work.process_executor import ProcessExecutor
from worker.picture_work.work import PictureWork

# With more processes the GPU would be the bottleneck, and the worker's own threads need cores too.
MOST, SPARED_CORES = 4, 2


def choose_executor(settings: Settings, work: PictureWork, *, has_gpu: bool) -> tuple[Executor, str]:
    """Return the executor for picture work, and for the status the number of processes and the reason.

    Args:
        settings: of the service.
        work: what the executor calls.
        has_gpu: whether the worker computes on a GPU.
    """
    count, reason = how_many(settings.worker.picture_processes, usable_cores(), has_gpu=has_gpu)
    local = ThreadExecutor(work)
    return ProcessExecutor(count, settings, local) if count else local, f"{count}: {reason}"


def how_many(wanted: int | None, cores: int, *, has_gpu: bool) -> tuple[int, str]:
    """Return the number of picture processes for a worker, and the reason.

    Args:
        wanted: the setting; None chooses by device.
        cores: the number that this process may use.
        has_gpu: whether the worker computes on a GPU.
    """
    if wanted is not None:
        return wanted, "as configured"
    if not has_gpu:
        return 0, "no GPU, so the denoising steps need the cores"
    return max(1, min(MOST, cores - SPARED_CORES)), f"a GPU and {cores} cores"


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
