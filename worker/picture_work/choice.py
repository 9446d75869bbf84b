"""The choice between threads and processes for picture work."""

import os

from shared.settings import Settings
from worker.picture_work.processes import Processes
from worker.picture_work.work import PictureWork
from worker.picture_work.workplace import Threads, Workplace

# More processes would only wait for the GPU; and the worker's own threads need cores.
MOST, SPARED_CORES = 4, 2


def choose_workplace(settings: Settings, work: PictureWork, *, has_gpu: bool) -> tuple[Workplace, str]:
    """Return where picture work is done, and for the status how many processes that are and why.

    Args:
        settings: of the service.
        work: what is done.
        has_gpu: whether the worker computes on a GPU.
    """
    count, reason = how_many(settings.worker.picture_processes, usable_cores(), has_gpu=has_gpu)
    here = Threads(work)
    return Processes(count, settings, here) if count else here, f"{count}: {reason}"


def how_many(wanted: int | None, cores: int, *, has_gpu: bool) -> tuple[int, str]:
    """Return how many picture processes a worker keeps, and why.

    Args:
        wanted: the setting; None chooses by the device.
        cores: that this process may use.
        has_gpu: whether the worker computes on a GPU.
    """
    if wanted is not None:
        return wanted, "as set"
    if not has_gpu:
        return 0, "no GPU, so the picture's steps need the cores"
    return max(1, min(MOST, cores - SPARED_CORES)), f"a GPU and {cores} cores"


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
