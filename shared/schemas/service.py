"""What the service offers, and its health."""

from typing import Any, Literal

from pydantic import (
    Field,
)

from shared.schemas.base import Schema
from shared.schemas.conditioning import ControlType
from shared.schemas.request import Priority, Quality, Weight
from shared.schemas.worker import GPUStatus, WorkerInfo


class StyleView(Schema):
    """A style on offer."""

    label: str = Field(description="its display name; empty: its name")
    controlnet_weights: dict[ControlType, Weight]


class ServiceStatus(Schema):
    """What the service offers, and how busy it is."""

    version: str
    model: str
    models: dict[str, str | None] = Field(description="base, ControlNet and VAE of the model in use")
    controlnet_model: Literal["union"] = "union"
    default_style: str
    default_size: int
    default_num_inference_steps: int = Field(description="of the quality `exact`")
    default_guidance_scale: float = Field(description="of the quality `exact`; 1: no guidance")
    draw_imagery: bool = Field(description="the default of a request's `draw_imagery`")
    qualities: tuple[Quality, ...] = Field(description="the values of `quality` that the model offers")
    profiles: list[str] = Field(description="GPU profiles of the live workers")
    styles: dict[str, StyleView]
    methods: dict[ControlType, tuple[str, ...]] = Field(
        description="methods that a live worker can run, the default first; all methods if there is no live worker"
    )
    unavailable_methods: dict[str, str] = Field(
        description="methods that no live worker can run, each with a worker's reason"
    )
    queue_depth: dict[Priority, int]
    workers: list[WorkerInfo]


class RecentFailure(Schema):
    """A job that failed recently."""

    job_id: str
    code: str
    detail: str
    ended_at: float = Field(description="seconds since the epoch")


class Counts(Schema):
    """The number of jobs by outcome, and average times of those that succeeded."""

    succeeded: int
    failed: int
    cancelled: int
    average_generation_time_ms: float | None
    average_wait_ms: float | None


class DetailedHealth(Schema):
    """The health of every component."""

    status: Literal["ok", "degraded", "unavailable"]
    redis: bool
    gpu_status: dict[str, GPUStatus] = Field(description="by worker")
    service_status: dict[str, Any] = Field(
        description="`ai_status`: counts and times; `queue_depth`; `drain_s`; `leases`; `workers`; `results`: how full "
        "their store is; `recent_failures`"
    )
