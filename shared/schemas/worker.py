"""A worker's published state."""

from enum import StrEnum

from pydantic import (
    Field,
)

from shared.schemas.base import Schema
from shared.schemas.conditioning import ControlType


class GPUStatus(Schema):
    """The device that a worker computes on. Values that the machine does not report are null."""

    available: bool = Field(description="whether there is a GPU")
    name: str
    profile: str = Field(description="a key of gpu_profiles.yaml")
    total_memory_gib: float | None = Field(description="the GPU's memory; on a CPU, the machine's")
    free_memory_gib: float | None
    used_memory_gib: float | None = Field(description="by all processes; on a CPU, by this process")
    temperature_c: float | None = None
    power_w: float | None = None
    utilisation_percent: float | None = None


class WorkerState(StrEnum):
    """Whether a worker can take jobs."""

    COLD = "cold"
    LOADING = "loading"
    WARM = "warm"


class WorkerSummary(Schema):
    """A worker's state, without that of its device."""

    worker_id: str
    state: WorkerState
    model: str
    device: str
    concurrency: int
    batch_limit: int
    engine_steps: int = Field(default=0, description="denoising steps since its start; each processes one batch")
    engine_rows: int = Field(default=0, description="the sum of these steps' batch sizes")
    methods: dict[ControlType, tuple[str, ...]] = Field(description="methods that can run there")
    unavailable_methods: dict[str, str] = Field(description="methods that cannot, each with the reason")
    running: int
    setup: dict[str, str] = Field(default_factory=dict, description="what is enabled on its device, and why")
    started_at: float


class WorkerInfo(WorkerSummary):
    """A worker's state, published with each heartbeat."""

    gpu_status: GPUStatus

    @property
    def summary(self) -> WorkerSummary:
        """The same without the device's state."""
        return WorkerSummary(**self.model_dump(exclude={"gpu_status"}))
