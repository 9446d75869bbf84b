"""The access log: one line per request with client, route and status, never the query or body. Logger: `access`.

Probes come every few seconds, so they are logged only at the level DEBUG.
The client is the name of its key, or its address if it has given no valid key.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request

from api.caller import caller

logger = logging.getLogger("access")

LINE = "%(client)s %(method)s %(route)s job=%(job)s %(status)d %(milliseconds)d ms"
PROBES = ("/health", "/health/ready")
UNKNOWN = {"method": "-", "route": "-", "job": "-", "milliseconds": 0}


def log_requests(app: Flask) -> None:
    """Log each request. Call this before installing anything that may refuse a request."""
    app.before_request(_start)
    app.after_request(_log_at_end)


def log_refused(address: str, status: int) -> None:
    """Log a request that was refused before it could be parsed."""
    _log({**UNKNOWN, "client": address, "status": status})


def _start() -> None:
    g.started = time.monotonic()
    g.client = None


def _log_at_end(response: Response) -> Response:
    """Log a request; log a stream once it has ended, since a job's event stream lasts as long as the job."""
    write = _line(response)
    if response.is_streamed and not response.direct_passthrough:  # files in passthrough never report their end
        response.call_on_close(write)
    else:
        write()
    return response


def _line(response: Response) -> Callable[[], None]:
    started = g.started
    known = {
        "client": caller() or "-",
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else "-",
        "job": _job_id(response) or "-",
        "status": response.status_code,
    }
    level = logging.DEBUG if known["route"] in PROBES else logging.INFO
    return lambda: _log({**known, "milliseconds": round(1000 * (time.monotonic() - started))}, level)


def _job_id(response: Response) -> str:
    """Return the job that a request is about: the one in its URL, or the one that it created."""
    in_address: str = (request.view_args or {}).get("job_id", "")
    return in_address or response.headers.get("Location", "").rpartition("/")[2]


def _log(fields: dict[str, Any], level: int = logging.INFO) -> None:
    logger.log(level, LINE, fields, extra=fields)
