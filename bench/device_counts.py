"""The cost of a call on the device, in countable events."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.autograd import DeviceType
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
