"""Many words in one call."""

from http import HTTPStatus
from typing import Annotated, Any

import redis
from flask import Response, g, url_for
from pydantic import Field, SkipValidation, ValidationError

from api.idempotency import digest_key
from api.parameters import IdempotencyHeaders
from api.problems import findings, problem_document, problem_responses, redis_failure
from api.rate_limit import count_pictures, count_submission
from api.responses import json_response
from api.routes.blueprints import JOBS, make_blueprint
from api.services import services
from shared.errors import ServiceError
from shared.schemas import GenerationRequest, JobAccepted, JobStatus, Problem, RequestModel, Schema

MAX_REQUESTS = 100

batches_api = make_blueprint("batches", __name__, JOBS)


class Batch(RequestModel):
    """Up to 100 words, each with its own options."""

    requests: Annotated[
        tuple[SkipValidation[GenerationRequest], ...],  # each separately: an invalid one does not affect the others
        Field(min_length=1, max_length=MAX_REQUESTS, description="as for POST /api/writing/generate-writing-image"),
    ]


class BatchItem(Schema):
    """The outcome of one request."""

    index: int = Field(description="the request's position, from 0")
    status: int = Field(description="the HTTP status that the request would have had on its own")
    job: JobAccepted | None = Field(description="null if the request was refused")
    problem: Problem | None = Field(description="why the request was refused")
    retry_after_s: int | None = Field(description="seconds to wait before trying again, if that may help")


class BatchAnswer(Schema):
    """The outcome of each request of a batch."""

    accepted: int
    refused: int
    items: tuple[BatchItem, ...] = Field(description="in the order of the requests")


@batches_api.post("/batches", responses={200: BatchAnswer, **problem_responses(413, 415, 422)})
def submit(header: IdempotencyHeaders, body: Batch) -> Response:
    """Submit up to 100 words. Each is accepted or refused individually; the response lists both.

    With an Idempotency-Key, each request is recognised by its position. A repeated batch retries the requests that were
    refused, and does not create second jobs for those that were accepted.
    """
    digest_key(header.idempotency_key, "")  # an invalid key is refused once, for all requests
    items = tuple(_item(index, document, header.idempotency_key) for index, document in enumerate(body.requests))
    accepted = sum(item.job is not None for item in items)
    return json_response(BatchAnswer(accepted=accepted, refused=len(items) - accepted, items=items))


def _item(index: int, document: Any, key: str | None) -> BatchItem:
    jobs = services().jobs
    try:
        count_submission()
        request = GenerationRequest.model_validate(document)
        count_pictures(request)
        submission = jobs.submit(request, key, client=g.client or "", part=str(index))
        status = JobStatus.QUEUED if submission.is_new else jobs.status(submission.job_id) or JobStatus.QUEUED
    except ValidationError as error:
        return _refused(index, findings(error))
    except ServiceError as error:
        return _refused(index, error)
    except redis.RedisError as error:
        return _refused(index, redis_failure(error, services().settings.queue.retry_after_s))
    address = url_for("jobs.poll", job_id=submission.job_id)
    job = JobAccepted(job_id=submission.job_id, status=status, status_url=address)
    return BatchItem(index=index, status=HTTPStatus.ACCEPTED, job=job, problem=None, retry_after_s=None)


def _refused(index: int, error: ServiceError) -> BatchItem:
    problem = Problem(**problem_document(error))
    return BatchItem(index=index, status=problem.status, job=None, problem=problem, retry_after_s=error.retry_after_s)
