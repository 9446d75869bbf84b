"""The check of a call's query, before its values are validated."""

from collections.abc import Collection
from inspect import signature
from urllib.parse import unquote, unquote_to_bytes

from flask import current_app, request

from shared.errors import InvalidRequest, UnknownField

# EventSourcePolyfill, with which browsers can send a key, adds it when it reconnects, beside the header.
IGNORED = frozenset({"lastEventId"})
CALLS = "/api/"  # monitoring systems may add parameters of their own to probes
NOT_UTF_8 = "this is not UTF-8; percent-encode its UTF-8: 学 becomes %E5%AD%A6"


def check_query() -> None:
    """Refuse parameters that the call does not have or that are repeated, which would silently have no effect.

    Raises:
        UnknownField: the call does not have the parameter.
        InvalidRequest: it is given twice, or is not UTF-8.
    """
    if not request.path.startswith(CALLS):
        return
    _check_encoding(request.query_string)
    for name, values in request.args.lists():
        if len(values) > 1 and name not in IGNORED:
            raise InvalidRequest("give this query parameter once", field=name, code="invalid_value")
    if request.args and request.endpoint is not None:
        refuse_others(_parameters(request.endpoint))


def _check_encoding(query: bytes) -> None:
    """Refuse what is not UTF-8. Werkzeug reads it as its percent-encoding, so a word in GBK as the text "%BB%F0".

    Raises:
        InvalidRequest: a parameter is not UTF-8.
    """
    for parameter in query.split(b"&"):
        try:
            unquote_to_bytes(parameter).decode()
        except UnicodeDecodeError as error:
            name = unquote(parameter.decode(errors="replace").partition("=")[0])
            raise InvalidRequest(NOT_UTF_8, field=name, code="invalid_text") from error


def refuse_others(known: Collection[str], hint: str = "") -> None:
    """Refuse parameters that are not among the known ones.

    Raises:
        UnknownField: there is such a parameter.
    """
    for name in request.args:
        if name not in known and name not in IGNORED:
            available = f"available: {', '.join(known)}" if known else "this call has none"
            raise UnknownField(f"there is no such query parameter; {hint or available}", field=name)


def _parameters(endpoint: str) -> tuple[str, ...]:
    """Return the names of a call's query parameters: the fields of its route's argument `query`."""
    query = signature(current_app.view_functions[endpoint]).parameters.get("query")
    return tuple(query.annotation.model_fields) if query is not None else ()
