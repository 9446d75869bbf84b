"""Checks on request bodies that run before pydantic, so that the error names what is wrong."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import json, request

from api.services import services
from shared.errors import BodyTooLarge, MalformedJson, UnsupportedMediaType

CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
# A browser sends these to another origin only after a preflight request, unlike a form's types.
CSV_TYPES = frozenset({"text/csv", "text/tab-separated-values"})
TAKE_CSV = frozenset({"decks.create", "word_lists.read"})
# Requests have five levels. Beyond some hundreds, the body could be read here, but not again in a deeper call.
MAX_DEPTH = 20
TOO_DEEP = f"the body is nested too deeply; the limit is {MAX_DEPTH} levels"
METHODS = frozenset({"POST", "PUT"})
# The calls with a body, and what their JSON should look like; "": JSON is not accepted.
EXPECTED: Mapping[str, str] = {
    "jobs.submit": '{"word": "…"}',
    "batches.submit": '{"requests": [{"word": "…"}]}',
    "decks.create": '{"words": ["…"]}',
    "decks.replace": '{"job_id": "…"}',
    "anki_packages.bind": '{"cards": [{"word": "…"}]}',
    "word_lists.read": "",
}


def check_body() -> None:
    """Refuse a body that is neither a JSON object nor, where that is accepted, CSV.

    Raises:
        BodyTooLarge: the body is longer than the settings allow.
        UnsupportedMediaType: the body is not declared as JSON.
        MalformedJson: the body is not valid JSON, not an object, or nested too deeply.
    """
    endpoint = request.endpoint or ""
    if request.method not in METHODS or endpoint not in EXPECTED:
        return
    _check_length(endpoint)
    kinds = [*(["application/json"] if EXPECTED[endpoint] else []), *(["text/csv"] if endpoint in TAKE_CSV else [])]
    if endpoint in TAKE_CSV and request.mimetype in CSV_TYPES:
        return
    if "application/json" not in kinds or not request.is_json:
        raise UnsupportedMediaType(f"send the body as {' or '.join(kinds)}")
    _check_json(EXPECTED[endpoint])


def list_encoding(named: str | None) -> str | None:
    """Return a list's encoding: as named in the query, or else as declared by its Content-Type; None to detect it."""
    return named or request.mimetype_params.get("charset")


def _check_length(endpoint: str) -> None:
    api = services().settings.api
    limits = {
        "jobs.submit": api.max_body_bytes,
        "decks.replace": api.max_body_bytes,
        "anki_packages.bind": api.max_package_bytes,
    }
    limit = limits.get(endpoint, api.max_list_bytes)
    if len(request.get_data()) > limit:
        raise BodyTooLarge(f"the body is larger than {limit} bytes")


def _check_json(expected: str) -> None:
    charset = request.mimetype_params.get("charset") or "utf-8"
    if charset.lower() not in CHARSETS:
        raise UnsupportedMediaType(f"charset={charset}: send the request in UTF-8")
    try:
        document = json.loads(request.get_data().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MalformedJson(f"the body is not valid UTF-8: byte {error.start} is wrong") from error
    except ValueError as error:
        raise MalformedJson(f"the body is not valid JSON: {error}") from error
    except RecursionError as error:
        raise MalformedJson(TOO_DEEP) from error
    if not isinstance(document, dict):
        raise MalformedJson(f"the body is not a JSON object; send {expected}")
    if _is_deeper(document, MAX_DEPTH):
        raise MalformedJson(TOO_DEEP)


def _is_deeper(document: Any, depth: int) -> bool:
    """Return whether a JSON document has more levels of objects and lists."""
    level = [document]
    for _ in range(depth):
        level = [item for outer in level for item in _items(outer)]
    return any(isinstance(item, dict | list) for item in level)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
