"""Submission of a word, and the status and pictures of its job."""

import logging
import re
import time
from functools import partial
from http import HTTPStatus
from typing import Annotated, Literal

import redis
from flask import Response, after_this_request, g, request, url_for
from pydantic import BaseModel, Field

from api.blocking import in_thread
from api.caller import caller
from api.parameters import IdempotencyHeaders, JobPath
from api.problems import job_problem, problem_response, problem_responses
from api.rate_limit import count_pictures
from api.responses import PNG_CACHE, json_response, picture_responses
from api.routes.blueprints import JOBS, make_blueprint
from api.services import services
from api.thumbnail import FORMATS, LEAST_SIDE, thumbnail
from shared.errors import JobCancelled
from shared.queue.results import StoredResult
from shared.schemas import (
    SIDE_LIMITS,
    AIGenerationResult,
    GenerationRequest,
    JobAccepted,
    JobStatus,
    JobView,
    ResultLinks,
    VariationLink,
)

logger = logging.getLogger(__name__)

MAX_WAIT_S = 60
LARGEST_SIDE = SIDE_LIMITS["le"]

jobs_api = make_blueprint("jobs", __name__, JOBS)


class PollQuery(BaseModel):
    """The form in which a result is returned."""

    result: Annotated[Literal["full", "links"], Field(description="`links`: URLs instead of base64")] = "full"


class PictureQuery(BaseModel):
    """The form in which a picture is returned."""

    size: Annotated[
        int | None,
        Field(
            ge=LEAST_SIDE,
            le=LARGEST_SIDE,
            description="the most pixels of its longer side: a small JPEG, or WebP if `Accept` prefers it; "
            "default: the PNG as drawn",
        ),
    ] = None


class ConditioningPath(JobPath):
    """The path parameters of a conditioning image."""

    control_type: str
    method: str


class VariationPath(JobPath):
    """The path parameters of a variation."""

    variation: Annotated[int, Field(ge=0, description="its position among the variations, from 0")]


class SubmitHeaders(IdempotencyHeaders):
    """Headers of a submission."""

    prefer: Annotated[
        str | None, Field(description="`wait=N`: respond with the result if it is ready within N ≤ 60 s")
    ] = None


@jobs_api.post(
    "/generate-writing-image",
    responses={200: AIGenerationResult, 202: JobAccepted, **problem_responses(409, 410, 413, 415, 422, 429, 500, 503)},
)
def submit(header: SubmitHeaders, body: GenerationRequest) -> Response:
    """Draw a word.

    Answers 202 with the job's URL. With `Prefer: wait=N`, answers 200 with the finished result if it is done in time,
    and with a problem if the job ended without one: 500 if it failed, 422 if the request was at fault, 409 if it was
    cancelled, 410 if its pictures are no longer stored. A repeated request returns the same job, so give it another
    Idempotency-Key to draw the word again.
    """
    began, wait_s = time.monotonic(), _wait_seconds(header.prefer)
    count_pictures(body)
    jobs = services().jobs
    submission = jobs.submit(body, header.idempotency_key, client=g.client or "")
    job_id = submission.job_id

    @after_this_request
    def add_location(response: Response) -> Response:  # also of an error
        response.headers["Location"] = _status_url(job_id)
        return response

    is_queued = submission.is_new and not wait_s  # as far as the client can know
    response = _accepted(job_id, JobStatus.QUEUED) if is_queued else _waited(job_id, wait_s)
    if wait_s and (response.status_code != HTTPStatus.ACCEPTED or time.monotonic() - began >= wait_s):
        response.headers["Preference-Applied"] = f"wait={wait_s}"
    return response


@jobs_api.get("/jobs/<job_id>", responses={200: JobView, **problem_responses(404, 410, 422, 503)})
def poll(path: JobPath, query: PollQuery) -> Response:
    """Return a job's status and, once it has succeeded, its result, either in full or as links."""
    jobs = services().jobs
    job_id = path.job_id
    if jobs.status(job_id) is JobStatus.SUCCEEDED:
        response = Response(content_type="application/json")
        response.set_etag(f"{jobs.stored(job_id).etag}-{query.result}")
        if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
            response.status_code = HTTPStatus.NOT_MODIFIED
            return response
        response.set_data(jobs.view(job_id, _links if query.result == "links" else None).model_dump_json())
        return response
    response = json_response(jobs.view(job_id, _links if query.result == "links" else None))
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


@jobs_api.delete("/jobs/<job_id>", responses={200: JobView, **problem_responses(404, 503)})
def cancel(path: JobPath) -> Response:
    """Cancel a job.

    A waiting job ends at once, a running job at its next step. A job that has ended is unchanged. Safe to repeat.
    The answer has no result; poll the job for it.
    """
    return json_response(services().jobs.cancel(path.job_id))


@jobs_api.get("/jobs/<job_id>/image", responses=picture_responses())
def image(path: JobPath, query: PictureQuery) -> Response:
    """Return the picture itself, or a small version of it."""
    jobs = services().jobs
    stored = jobs.stored(path.job_id)
    return _picture(stored, jobs.find(stored), query.size)


@jobs_api.get("/jobs/<job_id>/variations/<int:variation>/image", responses=picture_responses())
def variation(path: VariationPath, query: PictureQuery) -> Response:
    """Return the picture of one of several variations, or a small version of it."""
    jobs = services().jobs
    stored = jobs.stored(path.job_id)
    return _picture(stored, jobs.find_variation(stored, path.variation), query.size)


@jobs_api.get(
    "/jobs/<job_id>/conditioning/<control_type>/<method>",
    responses=picture_responses(),
)
def conditioning(path: ConditioningPath, query: PictureQuery) -> Response:
    """Return one conditioning image, or a small version of it."""
    jobs = services().jobs
    stored = jobs.stored(path.job_id)
    return _picture(stored, jobs.find(stored, path.control_type, path.method), query.size)


def _picture(stored: StoredResult, number: int, size: int | None) -> Response:
    """Return one picture as drawn, or a small version of it. If the client already has it, it is not read."""
    digest = stored.pictures[number].digest
    media_type = request.accept_mimetypes.best_match(FORMATS, next(iter(FORMATS))) if size else "image/png"
    etag = f"{digest}-{size}-{FORMATS[media_type]}" if size else digest
    response = Response(content_type=media_type)
    response.headers["Cache-Control"] = PNG_CACHE
    if size:
        response.vary.add("Accept")
    response.set_etag(etag)
    if request.if_none_match.contains_weak(etag):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    png = services().jobs.picture(stored, number)
    response.set_data(in_thread(partial(thumbnail, png, size, media_type)) if size else png)
    return response


def _links(stored: StoredResult) -> ResultLinks:
    conditioning_urls: dict[str, dict[str, str]] = {}
    for info in stored.pictures:
        if info.control_type:
            url = url_for("jobs.conditioning", job_id=stored.job_id, control_type=info.control_type, method=info.method)
            conditioning_urls.setdefault(info.control_type, {})[info.method] = url
    image_url = url_for("jobs.image", job_id=stored.job_id)
    variations = [
        VariationLink(image=url_for("jobs.variation", job_id=stored.job_id, variation=number), **about)
        for number, about in enumerate(stored.body.get("variations", ()))
    ]
    body = {**stored.body, "variations": variations}
    return ResultLinks(**body, image_url=image_url, conditioning_urls=conditioning_urls)


def _accepted(job_id: str, status: JobStatus) -> Response:
    accepted = JobAccepted(job_id=job_id, status=status, status_url=_status_url(job_id))
    return json_response(accepted, HTTPStatus.ACCEPTED)


def _waited(job_id: str, wait_s: int) -> Response:
    """Wait for an accepted job. The client gets the job's id even if Redis fails meanwhile."""
    try:
        status = services().jobs.wait(job_id, wait_s, caller())
        return _finished(job_id, status) if wait_s and status.is_terminal else _accepted(job_id, status)
    except redis.RedisError as error:
        logger.warning("cannot wait for job %s: %s", job_id, error)
        return _accepted(job_id, JobStatus.QUEUED)


def _finished(job_id: str, status: JobStatus) -> Response:
    jobs = services().jobs
    if status is JobStatus.SUCCEEDED:
        return json_response(jobs.result(job_id))
    error = jobs.error(job_id)
    if error is not None:
        return job_problem(error)
    return problem_response(JobCancelled("the job was cancelled while you waited"))


def _wait_seconds(prefer: str | None) -> int:
    """Return N of `Prefer: wait=N` (RFC 7240), at most 60; 0 if it is absent or N is not an integer."""
    match = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?([^\",;\s]*)", prefer or "", re.IGNORECASE)
    if match is None or not re.fullmatch(r"[0-9]+", match[1]):
        return 0
    digits = match[1].lstrip("0") or "0"
    return MAX_WAIT_S if len(digits) > 2 else min(int(digits), MAX_WAIT_S)


def _status_url(job_id: str) -> str:
    return url_for("jobs.poll", job_id=job_id)
