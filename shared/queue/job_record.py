"""A job's record: what Redis holds of a job."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.queue.client_queues import queue_of
from shared.queue.webhook_targets import list_of
from shared.schemas import GenerationRequest, JobError, JobStatus, Priority, Progress


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as recorded. Times are seconds since the epoch.

    `attempts` counts how often a worker took the job, and `crash_count` how many worker crashes it is charged with.
    `cancel_requested` says that it was to be cancelled while it ran. `end_event` is the id of its end event, and `deck`
    the deck that it belongs to.
    """

    job_id: str
    status: JobStatus
    priority: Priority
    queue: str
    request_text: str
    stage: str | None
    progress: Progress
    error: JobError | None
    attempts: int
    crash_count: int
    worker: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    cancel_requested: bool
    end_event: str | None
    deck: str | None

    @property
    def current_stage(self) -> str | None:
        """What the job is doing; None while it waits, and its status once it has ended."""
        return self.status.value if self.status.is_terminal else self.stage

    @property
    def fields(self) -> Mapping[str, Any]:
        """The request's fields as recorded, not validated, because another version may have written them.

        {} if the record is damaged, so that the job can still be polled and cancelled.
        """
        try:
            fields = json.loads(self.request_text)
        except ValueError:
            return {}
        return fields if isinstance(fields, dict) else {}

    @property
    def word(self) -> str:
        """The word to draw; "" if the record is damaged."""
        word = self.fields.get("word")
        return word if isinstance(word, str) else ""

    @property
    def request(self) -> GenerationRequest:
        """What to draw, in the fields that this version knows; parsed on access, because a status does not need it.

        Raises:
            pydantic.ValidationError: another version wrote it in a format that this version cannot read.
        """
        return GenerationRequest.model_validate_json(self.request_text, extra="ignore")


def new_record(
    request: GenerationRequest, *, client: str, fingerprint: str = "", result_bytes: int = 0
) -> dict[str, str | float]:
    """Return the fields of a waiting job's record; the arguments are those of `JobStore.create`."""
    fields: dict[str, str | float] = {
        "status": JobStatus.QUEUED.value,
        "priority": request.priority.value,
        "queue": queue_of(request.priority, client),
        "request": request.model_dump_json(exclude_defaults=True),
        "result_bytes": result_bytes,
        "client": client,
        "fingerprint": fingerprint,
    }
    if request.webhook_url is not None:
        fields["webhook"] = list_of(request.webhook_url, client)
    return fields


def parse_record(job_id: str, fields: dict[str, str]) -> JobRecord:
    """Return a record from its fields in Redis."""

    def moment(name: str) -> float | None:
        return float(fields[name]) if fields.get(name) else None

    return JobRecord(
        job_id=job_id,
        status=JobStatus(fields["status"]),
        priority=Priority(fields["priority"]),
        queue=fields.get("queue", fields["priority"]),
        request_text=fields["request"],
        stage=fields.get("stage"),
        progress=Progress(step=int(fields.get("step", 0)), total_steps=int(fields.get("total_steps", 0))),
        error=JobError.model_validate_json(fields["error"], extra="ignore") if fields.get("error") else None,
        attempts=int(fields.get("attempts", 0)),
        crash_count=int(fields.get("deaths", 0)),
        worker=fields.get("worker"),
        created_at=float(fields["created_at"]),
        started_at=moment("started_at"),
        finished_at=moment("finished_at"),
        cancel_requested="cancel_requested" in fields,
        end_event=fields.get("end_event"),
        deck=fields.get("deck"),
    )
