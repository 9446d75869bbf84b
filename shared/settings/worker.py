"""Settings of workers and of logs."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from shared.settings.base import Count, Seconds, Section


class WorkerSettings(Section):
    """A worker process.

    Attributes:
        picture_processes: how many processes do what a picture needs on the CPU; 0: threads do; null: by the device.
    """

    load_at_start: bool
    concurrency: Count | None
    heartbeat_s: Seconds
    stale_after_s: Seconds
    gpu_locks: Path | None
    poll_s: Seconds
    drain_s: Annotated[float, Field(ge=0)]
    batch_limit: Count | None
    reproducible: bool
    compile_cache: Path
    picture_processes: Annotated[int, Field(ge=0, le=64)] | None


class LoggingSettings(Section):
    """How much is logged, and in which form."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    format: Literal["text", "json"]


class GPUProfile(Section):
    """How a pipeline is sized on a class of devices (``config/gpu_profiles.yaml``).

    Attributes:
        min_memory_gb: nominal memory from which the profile holds; null for machines without GPU.
        batch_min: images in one batch, whatever the free memory.
        batch_max: images in one batch, if the free memory allows.
        torch_compile: compile UNet, ControlNet and VAE, where a compiler is found.
        cpu_offload: keep the parts that a job needs once in the machine's memory, where not everything fits.
    """

    min_memory_gb: float | None
    batch_min: Count
    batch_max: Count
    torch_compile: bool
    cpu_offload: bool
