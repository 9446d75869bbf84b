"""Responses shared by several calls."""

import base64
from http import HTTPStatus

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


def picture_responses() -> ResponseDict:
    """Return the OpenAPI description of a call that answers with a picture."""
    file = {"schema": {"type": "string", "format": "binary"}}
    pictures = {"content": dict.fromkeys(("image/png", *FORMATS), file)}
    return {200: pictures, **problem_responses(404, 409, 410, 503)}
