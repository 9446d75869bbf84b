"""A job's events as server-sent events (WHATWG HTML standard)."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field

from api.caller import caller
from api.event_hub import has_heard_end
from api.parameters import Headers, JobPath
from api.problems import problem_responses
from api.routes.blueprints import JOBS, make_blueprint
from api.services import services
from shared.errors import InvalidRequest
from shared.queue.events import JobEvent, is_event_id

RECONNECT_MS = 1000

events_api = make_blueprint("events", __name__, JOBS)


class EventHeaders(Headers):
    """Headers of a listener."""

    last_event_id: Annotated[
        str | None, Field(alias="Last-Event-ID", description="resume after this event; browsers send it automatically")
    ] = None


@events_api.get(
    "/jobs/<job_id>/events",
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **problem_responses(404, 422, 429, 503),
    },
)
def stream(path: JobPath, header: EventHeaders) -> Response:
    """Stream a job's events until it has ended.

    The events are `progress` (status, stage, step), `preview` (a small picture of a variation as it forms), `queue`
    (the position while it waits) and `end`. A client that has received `end` is answered 204, so that a browser stops
    reconnecting.
    """
    last = header.last_event_id or None  # browsers treat an empty id as none
    if last is not None and not is_event_id(last):
        raise InvalidRequest("give the id of an event of this job, such as 1763986512345-0", field="Last-Event-ID")
    service = services()
    record = service.store.get(path.job_id)
    if last is not None and has_heard_end(record, last):
        return Response(status=HTTPStatus.NO_CONTENT)
    lines = _lines(service.hub.listen(record, last, caller()))
    # X-Accel-Buffering: nginx would buffer the events.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(lines, content_type="text/event-stream; charset=utf-8", headers=headers)


def _lines(events: Iterator[JobEvent | None]) -> Iterator[str]:
    yield f"retry: {RECONNECT_MS}\n\n"
    for event in events:
        yield ": beat\n\n" if event is None else _frame(event)


def _frame(event: JobEvent) -> str:
    event_id = f"id: {event.event_id}\n" if event.event_id else ""
    return f"{event_id}event: {event.name}\ndata: {json.dumps(event.data, ensure_ascii=False)}\n\n"
