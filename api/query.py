"""The check of a call's query, before its values are validated."""

from collections.abc import Collection
from inspect import signature

from flask import current_app, request

from shared.errors import InvalidRequest, UnknownField

# EventSourcePolyfill, with which browsers can send a key, adds it when it reconnects, beside the header.
IGNORED = frozenset({"lastEventId"})
CALLS = "/api/"  # monitoring systems may add parameters of their own to probes


def check_query() -> None:
    """Refuse parameters that the call does not have or that are repeated, which would silently have no effect.

    Raises:
        UnknownField: the call does not have the parameter.
        InvalidRequest: it is given twice.
    """
    for name, values in request.args.lists():
        if len(values) > 1 and name not in IGNORED and request.path.startswith(CALLS):
            raise InvalidRequest("give this query parameter once", field=name, code="invalid_value")
    if request.args and request.endpoint is not None and request.path.startswith(CALLS):
        refuse_others(_parameters(request.endpoint))


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
