"""A job's state."""

from enum import StrEnum

from pydantic import (
    Field,
)

from shared.schemas.base import Schema
from shared.schemas.problem import JobError
from shared.schemas.request import Priority
from shared.schemas.result import AIGenerationResult, ResultLinks

STAGES = (
    "what the job is doing: `starting`, `glyph`, `conditioning`, `waiting_for_device`, `diffusion`, `decoding`, "
    "`reading` (by the legibility judge) or `encoding`; null while it waits; once it has ended, the status. "
    "Further values may be added"
)


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


class JobHead(Schema):
    """A job without its request and its result."""

    job_id: str
    status: JobStatus
    word: str = Field(description="the word in normal form")
    priority: Priority
    deck_id: str | None = Field(description="the deck that the job belongs to")
    stage: str | None = Field(description=STAGES)
    progress: Progress
    error: JobError | None
    created_at: float = Field(description="seconds since the epoch")
    started_at: float | None
    finished_at: float | None


class JobView(JobHead):
    """A job as returned by polling."""

    queue_position: int | None = Field(description="how many jobs should be taken before this one; null once it runs")
    cancel_requested: bool = Field(
        description="whether the job was to be cancelled while it ran; it ends at its next step"
    )
    result: AIGenerationResult | ResultLinks | None


class JobAccepted(Schema):
    """The response to a submitted job."""

    job_id: str
    status: JobStatus
    status_url: str
