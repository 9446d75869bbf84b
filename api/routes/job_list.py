"""A caller's own jobs."""

from typing import Annotated

from flask import Response, g, url_for
from pydantic import Field

from api.parameters import PageQuery
from api.problems import problem_responses
from api.responses import json_response
from api.routes.blueprints import JOBS, make_blueprint
from api.services import services
from shared.queue.job_record import JobRecord
from shared.schemas import JobStatus, Schema
from shared.schemas.job import JobHead

job_list_api = make_blueprint("job_list", __name__, JOBS)


class JobsQuery(PageQuery):
    """Which of the caller's jobs to list."""

    status: Annotated[JobStatus | None, Field(description="only jobs with this status")] = None


class JobSummary(JobHead):
    """A job in a list."""

    translation: str = Field(description="as given in the request")
    style: str | None = Field(description="as given in the request; null: the default")
    status_url: str
    image_url: str | None = Field(description="null until there is a picture, and once it is no longer stored")


class JobList(Schema):
    """A page of a caller's jobs, newest first."""

    jobs: tuple[JobSummary, ...]
    next_cursor: str | None = Field(description="for the next page, with older jobs; null on the last page")


@job_list_api.get("/jobs", responses={200: JobList, **problem_responses(422, 503)})
def read(query: JobsQuery) -> Response:
    """List the caller's own jobs, newest first; without API keys, list all jobs.

    A page may be shorter than `limit`, even empty, and still have a `next_cursor`, if few jobs have that status.
    """
    service = services()
    page = service.index.page(g.client or "", status=query.status, limit=query.limit, cursor=query.cursor)
    with_picture = service.jobs.with_picture((record.job_id, record.status) for record in page.records)
    found = tuple(_summary(record, has_picture=record.job_id in with_picture) for record in page.records)
    return json_response(JobList(jobs=found, next_cursor=page.cursor))


def _summary(record: JobRecord, *, has_picture: bool) -> JobSummary:
    asked = record.fields
    return JobSummary(
        job_id=record.job_id,
        status=record.status,
        word=record.word,
        translation=str(asked.get("translation", "")),
        style=asked.get("style"),
        priority=record.priority,
        stage=record.current_stage,
        progress=record.progress,
        error=record.error,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        deck_id=record.deck,
        status_url=url_for("jobs.poll", job_id=record.job_id),
        image_url=url_for("jobs.image", job_id=record.job_id) if has_picture else None,
    )
