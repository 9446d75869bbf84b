"""Checks on request bodies that run before pydantic, so that the error names what is wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import json, request
from werkzeug.exceptions import RequestEntityTooLarge

from api.services import services
from shared.errors import BodyTooLarge, MalformedJson, UnsupportedMediaType

CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
# A browser sends these to another origin only after a preflight request, unlike a form's types.
CSV_TYPES = frozenset({"text/csv", "text/tab-separated-values"})
# Requests have five levels. Beyond some hundreds, the body could be read here, but not again in a deeper call.
MAX_DEPTH = 20
TOO_DEEP = f"the body is nested too deeply; the limit is {MAX_DEPTH} levels"
METHODS = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class BodyRule:
    """What a call accepts as its body.

    Attributes:
        limit: the setting in `api` that limits its length.
        example: what its JSON should look like; None: JSON is not accepted.
        takes_csv: whether CSV is accepted.
    """

    limit: str
    example: str | None = None
    takes_csv: bool = False

    @property
    def types(self) -> list[str]:
        """The media types that are accepted."""
        return [*(["application/json"] if self.example else []), *(["text/csv"] if self.takes_csv else [])]


# The calls with a body.
BODIES: Mapping[str, BodyRule] = {
    "jobs.submit": BodyRule("max_body_bytes", '{"word": "…"}'),
    "batches.submit": BodyRule("max_list_bytes", '{"requests": [{"word": "…"}]}'),
    "decks.create": BodyRule("max_list_bytes", '{"words": ["…"]}', takes_csv=True),
    "decks.replace": BodyRule("max_body_bytes", '{"job_id": "…"}'),
    "anki_packages.bind": BodyRule("max_package_bytes", '{"cards": [{"word": "…"}]}'),
    "word_lists.read": BodyRule("max_list_bytes", takes_csv=True),
}


def check_body() -> None:
    """Refuse a body that is neither a JSON object nor, where that is accepted, CSV.

    Raises:
        BodyTooLarge: the body is longer than the settings allow.
        UnsupportedMediaType: the body is declared as neither.
        MalformedJson: the body is not valid JSON, not an object, nested too deeply, or gives a field twice.
    """
    rule = BODIES.get(request.endpoint or "")
    if request.method not in METHODS or rule is None:
        return
    _check_length(getattr(services().settings.api, rule.limit))
    if (encoding := request.headers.get("Content-Encoding", "identity")).lower() != "identity":
        raise UnsupportedMediaType(f"Content-Encoding: {encoding}: send the body uncompressed")
    if rule.takes_csv and request.mimetype in CSV_TYPES:
        return
    if rule.example is None or not request.is_json:
        raise UnsupportedMediaType(f"send the body as {' or '.join(rule.types)}")
    _check_json(rule.example)


def list_encoding(named: str | None) -> str | None:
    """Return a list's encoding: as named in the query, or else as declared by its Content-Type; None to detect it."""
    return named or request.mimetype_params.get("charset")


def _check_length(limit: int) -> None:
    try:
        is_too_large = len(request.get_data()) > limit
    except RequestEntityTooLarge:  # larger than any call's body may be
        is_too_large = True
    if is_too_large:
        raise BodyTooLarge(f"the body is larger than {limit} bytes")


def _check_json(expected: str) -> None:
    charset = request.mimetype_params.get("charset") or "utf-8"
    if charset.lower() not in CHARSETS:
        raise UnsupportedMediaType(f"charset={charset}: send the request in UTF-8")
    try:
        document = json.loads(request.get_data().decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise MalformedJson(f"the body is not valid UTF-8: byte {error.start} is wrong") from error
    except ValueError as error:
        reason = str(error).partition("; use sys.")[0]  # Python's advice on numbers of thousands of digits
        raise MalformedJson(f"the body is not valid JSON: {reason}") from error
    except RecursionError as error:
        raise MalformedJson(TOO_DEEP) from error
    if not isinstance(document, dict):
        raise MalformedJson(f"the body is not a JSON object; send {expected}")
    if _is_deeper(document, MAX_DEPTH):
        raise MalformedJson(TOO_DEEP)


def _object(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. Of a field that is given twice, one value would silently have no effect.

    Raises:
        MalformedJson: a field is given twice.
    """
    document: dict[str, Any] = {}
    for name, value in fields:
        if name in document:
            raise MalformedJson(f"the field {name!r} is given twice in one object")
        document[name] = value
    return document


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
