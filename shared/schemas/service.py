"""What the service offers, and its health."""

import operator
from typing import Literal

from pydantic import (
    Field,
)

from shared.schemas.base import Schema
from shared.schemas.conditioning import ControlType
from shared.schemas.request import Priority, Quality, Weight
from shared.schemas.worker import GPUStatus, WorkerInfo, WorkerSummary


class StyleView(Schema):
    """A style on offer."""

    label: str = Field(description="its display name; empty: its name")
    controlnet_weights: dict[ControlType, Weight]


class RequestLimits(Schema):
    """The most that a request may ask for, by its fields."""

    side: int = Field(description="`width` and `height`, in pixels")
    num_inference_steps: int
    variations: int
    max_attempts: int = Field(description="of `legibility`")


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
    limits: RequestLimits
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


class AIStatus(Counts):
    """Whether a worker is warm, and what the workers have drawn."""

    status: Literal["ready", "not_ready"]
    model: str


class ResultsStore(Schema):
    """How full the store of results is."""

    store: str = Field(description="`redis`, or the kind of object store")
    kept: int = Field(description="the results in it")
    bytes: int = Field(description="what they take in Redis")
    budget_bytes: int = Field(description="what they may take in Redis; 0: unlimited")
    evicted: int = Field(description="results evicted so far to make room")


class ServiceHealth(Schema):
    """What the service is doing."""

    ai_status: AIStatus
    queue_depth: dict[Priority, int]
    drain_s: float | None = Field(description="seconds until the queue would be empty; null if too few jobs have ended")
    leases: int = Field(description="jobs that workers are drawing")
    workers: list[WorkerSummary]
    results: ResultsStore
    recent_failures: list[RecentFailure]


class DetailedHealth(Schema):
    """The health of every component."""

    status: Literal["ok", "degraded", "unavailable"]
    redis: bool
    gpu_status: dict[str, GPUStatus] = Field(description="by worker")
    service_status: ServiceHealth | None = Field(description="null if Redis does not answer")
    error: str | None = Field(default=None, exclude_if=operator.not_, description="why Redis does not answer")
