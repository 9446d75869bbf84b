"""The cost of a call on the device, in countable events."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.profiler import ProfilerActivity, profile

from shared.gpu_profiles import GIB

# Of CUDA's runtime and driver, as PyTorch's profiler names them.
LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch")


def waits(device: torch.device, call: Callable[[], object]) -> int | None:
    """Return how often a call makes the host wait for the device, as far as PyTorch reports it; None on a CPU."""
    if device.type != "cuda":
        return None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            torch.cuda.set_sync_debug_mode("warn")  # itself warns that the mode is a prototype
            call()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing CUDA operation" in str(warning.message) for warning in caught)


def kernels(device: torch.device, call: Callable[[], object]) -> int | None:
    """Return how many kernels a call runs; None on a CPU."""
    if device.type != "cuda":
        return None
    names = [event.name for event in _events(device, call) if event.device_type == DeviceType.CUDA]
    return sum(not name.startswith(("Memcpy", "Memset")) for name in names)


@dataclass(frozen=True)
class Kernel:
    """A kernel's runs in a call: how often, and how long all together."""

    name: str
    count: int
    milliseconds: float


def kernels_by_time(device: torch.device, call: Callable[[], object]) -> list[Kernel]:
    """Return the kernels and copies that a call runs on a GPU, the longest first."""
    times: dict[str, list[float]] = {}
    for event in _events(device, call):
        if event.device_type == DeviceType.CUDA:
            times.setdefault(event.name, []).append(event.device_time / 1000)
    found = [Kernel(name, len(each), sum(each)) for name, each in times.items()]
    return sorted(found, key=lambda kernel: kernel.milliseconds, reverse=True)


def launches(device: torch.device, call: Callable[[], object]) -> int:
    """Return how often a call launches a kernel or a graph of kernels on a GPU."""
    return sum(event.name.startswith(LAUNCHES) for event in _events(device, call))


def _events(device: torch.device, call: Callable[[], object]) -> Iterable[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the profiler warns that it keeps only one cycle's events
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
            call()
            torch.cuda.synchronize(device)
    return seen.events() or []


def peak_gib(device: torch.device) -> float | None:
    """Return PyTorch's peak memory since the last call, and reset it; None on a CPU."""
    if device.type != "cuda":
        return None
    peak = torch.cuda.max_memory_allocated(device) / GIB
    torch.cuda.reset_peak_memory_stats(device)
    return peak
