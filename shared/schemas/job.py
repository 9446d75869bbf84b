"""A job's state."""

from enum import StrEnum

from pydantic import (
    Field,
)

from shared.schemas.base import Schema
from shared.schemas.problem import JobError
from shared.schemas.result import AIGenerationResult, ResultLinks


class JobStatus(StrEnum):
    """The status of a job; the last three are terminal."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}


class Progress(Schema):
    """The denoising steps done and their total; 0 of 0 until the total is known."""

    step: int = 0
    total_steps: int = 0


class JobView(Schema):
    """A job as returned by polling."""

    job_id: str
    status: JobStatus
    stage: str | None = Field(description="what the job is doing: glyph, conditioning, diffusion, encoding …")
    progress: Progress
    queue_position: int | None = Field(description="how many jobs are ahead of this one; null once it runs")
    result: AIGenerationResult | ResultLinks | None
    error: JobError | None


class JobAccepted(Schema):
    """The response to a submitted job."""

    job_id: str
    status: JobStatus
    status_url: str
