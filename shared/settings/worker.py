"""Settings of workers, logs and GPU profiles."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from shared.settings.base import Count, Seconds, Section


class WorkerSettings(Section):
    """A worker process.

    Attributes:
        picture_processes: number of processes for a picture's CPU work; 0: use threads; null: depends on the device.
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
    """The level and the format of the logs."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    format: Literal["text", "json"]


class GPUProfile(Section):
    """The size of a pipeline on a class of devices (``config/gpu_profiles.yaml``).

    Attributes:
        min_memory_gb: nominal memory from which the profile applies; null for machines without a GPU.
        batch_min: images in one batch, regardless of the free memory.
        batch_max: images in one batch, if the free memory allows.
        torch_compile: compile UNet, ControlNet and VAE if a compiler is found.
        cuda_graphs: record the steps of one and two pictures, so that a slow host does not hold up a fast card.
        cpu_offload: if not everything fits, keep the parts that a job needs only once in the machine's memory.
    """

    min_memory_gb: float | None
    batch_min: Count
    batch_max: Count
    torch_compile: bool
    cuda_graphs: bool = False
    cpu_offload: bool
