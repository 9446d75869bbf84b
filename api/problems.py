"""Errors as problem+json (RFC 9457), each with a stable code."""

import logging
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, cast

import kombu.exceptions
import orjson
import redis
from flask import Flask, Response
from flask_openapi3.types import ResponseDict
from gunicorn.http.errors import ParseException
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from api.http_errors import UNEXPECTED, as_service_error
from shared.errors import (
    ERRORS_BY_CODE,
    BadRequest,
    BodyTooLarge,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    QueueOutOfMemory,
    QueueUnavailable,
    RateLimited,
    RequestTimeout,
    ResultsUnavailable,
    ServiceError,
    Unauthorized,
    UnsupportedMediaType,
)
from shared.queue.object_store import StoreUnavailable
from shared.schemas import GenerationRequest, JobError, Problem, RequestModel

logger = logging.getLogger(__name__)

# pydantic's error types that have their own code here; all others are `invalid_value`.
FIELD_CODES = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "multiple_of": "out_of_range",
    "finite_number": "out_of_range",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_long",
    "too_short": "too_short",
    "string_unicode": "invalid_text",
    "invalid_text": "invalid_text",
    "out_of_range": "out_of_range",
    "unknown_method": "unknown_method",
}
# Texts for faults that pydantic describes in terms of Python.
MESSAGES = {
    "missing": "this field is required",
    "extra_forbidden": "there is no such field",
    "string_type": "give a string",
    "string_unicode": "this is not valid Unicode",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "float_type": "give a number",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "tuple_type": "give a list",
    "dict_type": "give an object",
    "model_type": "give an object",
    "too_short": "give {min_length} or more items",
    "too_long": "give at most {max_length} items",
    "string_too_short": "give {min_length} or more characters",
    "string_too_long": "give at most {max_length} characters",
}
OUT_OF_MEMORY = "OOM command not allowed"  # in the text of a script's error; from Redis 7 on, it has its own class
TYPE_ERRORS = ("_type", "_parsing")
# A problem is short, even if it quotes a request of 1 MiB.
MOST_ERRORS = 50
LONGEST_TEXT = 1000

HTTP_ERRORS: dict[int, type[ServiceError]] = {
    400: BadRequest,
    408: RequestTimeout,
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
    429: RateLimited,
}


def problem_responses(*statuses: int) -> ResponseDict:
    """Return the OpenAPI description of the problems that a call may answer with."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {status: {"content": {"application/problem+json": {"schema": schema}}} for status in statuses}


def problem_response(error: ServiceError) -> Response:
    """Return an error as a response."""
    response = Response(problem_body(error), status=error.http_status, content_type="application/problem+json")
    if error.http_status == Unauthorized.http_status:
        response.headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def problem_body(error: ServiceError) -> bytes:
    """Return an error as problem+json."""
    return orjson.dumps(problem_document(error))


def problem_document(error: ServiceError) -> dict[str, Any]:
    """Return an error as the fields of a problem, as part of a larger answer."""
    own = [{"field": error.field, "code": error.code, "message": error.detail}] if error.field else []
    problem = Problem(
        title=error.title,
        status=error.http_status,
        detail=error.detail,
        code=error.code,
        field=error.field,
        errors=list(map(dict, error.errors)) or own,
    )
    # Text from the request may be long, and contain characters that UTF-8 cannot encode; they are escaped.
    document = problem.model_dump(exclude_defaults=True, exclude={"type"}) | {"type": problem.type}
    return cast("dict[str, Any]", _printable(document))


def job_problem(error: JobError) -> Response:
    """Return a failed job's error as a response: 422 where the request is at fault, otherwise 500."""
    known = ERRORS_BY_CODE.get(error.code, ServiceError)
    return problem_response(known(error.detail, field=error.field, code=error.code))


def validation_problem(error: ValidationError) -> Response:
    """Return pydantic's errors as one problem."""
    return problem_response(findings(error))


def findings(error: ValidationError) -> ServiceError:
    """Return pydantic's errors as one: the first gives its code and field, and `errors` lists up to `MOST_ERRORS`."""
    found = error.errors(include_url=False, include_input=False)
    errors: list[dict[str, Any]] = [
        {"field": _field(item["loc"]), "code": _code(item["type"]), "message": _message(item, error.title)}
        for item in _without_consequences(found)[:MOST_ERRORS]
    ]
    code, field, message = (errors[0][name] for name in ("code", "field", "message"))
    cls = ERRORS_BY_CODE.get(code, InvalidRequest)
    return cls(f"{field or 'body'}: {message}", field=field, code=code, errors=errors)


def redis_failure(error: Exception, retry_after_s: int) -> ServiceError:
    """Return the answer to a request during which Redis failed, and log the reason."""
    if isinstance(error, redis.OutOfMemoryError) or OUT_OF_MEMORY in str(error):
        logger.warning("Redis is full: %s", error)
        return QueueOutOfMemory("Redis is full; try again later", retry_after_s=retry_after_s)
    is_refused = isinstance(error, redis.ResponseError | redis.AuthenticationError)
    fault = "refuses a command" if is_refused else "does not answer"
    logger.warning("Redis %s: %s", fault, error)
    return QueueUnavailable(f"Redis {fault}; try again later", retry_after_s=retry_after_s)


def register_error_handlers(app: Flask, retry_after_s: int) -> None:
    """Turn every exception that can reach Flask into a problem."""
    of_redis = partial(_redis_problem, retry_after_s=retry_after_s)
    handlers: dict[type[Exception], Callable[[Any], Response]] = {
        ServiceError: problem_response,
        redis.RedisError: of_redis,
        kombu.exceptions.OperationalError: of_redis,
        ParseException: _malformed_problem,
        StoreUnavailable: partial(_store_problem, retry_after_s=retry_after_s),
        HTTPException: _http_problem,
        Exception: _unexpected_problem,  # the process boundary of a request
    }
    for kind, handler in handlers.items():
        app.register_error_handler(kind, handler)


def _redis_problem(error: Exception, retry_after_s: int) -> Response:
    return problem_response(redis_failure(error, retry_after_s))


def _malformed_problem(error: ParseException) -> Response:
    """Return the response to a body that could not be read."""
    return problem_response(as_service_error(error))


def _store_problem(error: StoreUnavailable, retry_after_s: int) -> Response:
    logger.warning("%s", error)
    return problem_response(
        ResultsUnavailable("the picture store does not give the picture; try again later", retry_after_s=retry_after_s)
    )


def _http_problem(error: HTTPException) -> Response:
    if error.response is not None:  # a complete response, from abort(response)
        return error.response  # type: ignore[return-value]
    status = error.code or 500
    cls = HTTP_ERRORS.get(status, BadRequest if status < 500 else ServiceError)
    failure = cls(error.description or error.name)
    failure.http_status = status
    response = problem_response(failure)
    for name, value in error.get_headers():  # such as Allow of a 405
        if name.lower() != "content-type":
            response.headers.setdefault(name, value)
    return response


def _unexpected_problem(error: Exception) -> Response:
    logger.error("unexpected error", exc_info=error)
    return problem_response(ServiceError(UNEXPECTED))


def _code(error_type: str) -> str:
    if error_type in ERRORS_BY_CODE:
        return error_type
    if error_type.endswith(TYPE_ERRORS):
        return FIELD_CODES.get(error_type, "wrong_type")
    return FIELD_CODES.get(error_type, "invalid_value")


def _message(item: Any, model: str) -> str:
    if item["type"] == "extra_forbidden" and len(item["loc"]) == 1:
        known = _request_models().get(model, GenerationRequest).model_fields
        return f"there is no such field; available: {', '.join(known)}"
    try:
        return MESSAGES[item["type"]].format_map(item.get("ctx", {}))
    except KeyError:  # pydantic's own text will do, or a validator of ours has given one
        return str(item["msg"])


def _without_consequences(found: Sequence[Any]) -> list[Any]:
    """Return pydantic's errors without those of lists that are too short only because their items are invalid."""
    faulty = {item["loc"][:length] for item in found for length in range(len(item["loc"]))}
    return [item for item in found if item["type"] != "too_short" or item["loc"] not in faulty]


@cache
def _request_models() -> dict[str, type[RequestModel]]:
    """Return the models of what clients send, by name."""

    def below(cls: type[RequestModel]) -> list[type[RequestModel]]:
        return [cls, *(found for child in cls.__subclasses__() for found in below(child))]

    return {cls.__name__: cls for cls in below(RequestModel)}


def _field(location: Sequence[Any]) -> str | None:
    return ".".join(str(part) for part in location if part != "[key]") or None


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value
