"""Settings of workers, logs and GPU profiles."""

from typing import Annotated, Literal

from pydantic import Field

from shared.settings.base import Count, Seconds, Section
from shared.settings.values import FilePath


class WorkerSettings(Section):
    """A worker process."""

    load_at_start: bool
    concurrency: Count | None
    heartbeat_s: Seconds
    stale_after_s: Seconds
    gpu_locks: FilePath | None
    poll_s: Seconds
    drain_s: Annotated[float, Field(ge=0)]
    batch_limit: Count | None
    reproducible: bool
    compile_cache: FilePath
    picture_processes: Annotated[int, Field(ge=0, le=64)] | None
    compile_processes: Annotated[int, Field(ge=0, le=64)] | None


class LoggingSettings(Section):
    """The level and the format of the logs."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    format: Literal["text", "json"]


class GPUProfile(Section):
    """The size of a pipeline on a class of devices (``config/gpu_profiles.yaml``)."""

    min_memory_gb: float | None
    batch_min: Count
    batch_max: Count
    torch_compile: bool
    cuda_graphs: bool
    cpu_offload: bool
