"""Responses shared by several calls."""

import base64
from http import HTTPStatus
from typing import Any

from flask import Response, request
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel

from api.problems import problem_responses
from api.thumbnail import FORMATS

PNG_CACHE = "private, max-age=3600, immutable"  # a finished picture never changes


def json_response(document: BaseModel, status: int = HTTPStatus.OK) -> Response:
    """Return a model as a JSON response."""
    return Response(document.model_dump_json(), status=status, content_type="application/json")


def png_response(encoded: str) -> Response:
    """Return a base64-encoded picture as a PNG response."""
    response = Response(base64.b64decode(encoded), content_type="image/png")
    response.headers["Cache-Control"] = PNG_CACHE
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


def files(*media_types: str) -> dict[str, Any]:
    """Return the OpenAPI description of a response that is a file of one of these types."""
    return {"content": {name: {"schema": {"type": "string", "format": "binary"}} for name in media_types}}


def picture_responses() -> ResponseDict:
    """Return the OpenAPI description of a call that answers with a picture."""
    return {200: files("image/png", *FORMATS), **problem_responses(404, 409, 410, 503)}
