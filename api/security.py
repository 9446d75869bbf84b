"""Access control: host names, API keys, owners of jobs, rate limits, origins, and security headers.

A key is 32 random bytes and cannot be guessed, so its SHA-256 needs no salt. Settings contain only digests.
"""

import hashlib
import hmac
import re
from collections.abc import Collection

from flask import Flask, Response, g, request
from flask_cors import CORS

from api.access_log import PROBES
from api.hosts import Hosts, is_loopback
from api.rate_limit import RateLimit
from api.services import services
from shared.errors import OperatorOnly, SettingsError, Unauthorized
from shared.queue.decks import unknown_deck
from shared.queue.store import unknown_job
from shared.settings import ApiSettings, Settings, checked
from shared.settings.values import KEY_NAME

# Probes have no key, and neither the API's description nor the pages contain a secret.
OPEN_PATHS = ("/", "/admin", *PROBES)
OPEN_PREFIXES = ("/openapi", "/static/")
# These show the activity of all clients.
OPERATOR_ENDPOINTS = frozenset({"health.detailed", "health.warmup", "metrics.metrics"})
# The response headers that scripts of other origins may read.
EXPOSED = [
    "Content-Disposition",
    "ETag",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
]
PREFLIGHT_MAX_AGE_S = 3600
LONGEST_CLIENT_NAME = 254  # an e-mail address

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-site",
}
# Only the service's own scripts and styles; Swagger's page has some inline.
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
SWAGGER_POLICY = f"{CONTENT_POLICY}; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"


def digest(key: str) -> str:
    """Return a key's digest, as the settings hold it."""
    return hashlib.sha256(key.encode()).hexdigest()


def protect(app: Flask, settings: Settings) -> None:
    """Set up authentication, limits, origins and headers.

    Raises:
        SettingsError: the service would be open to other machines without keys.
    """
    api = checked(ApiSettings, settings.api.model_dump(), "api")  # also if a program created them
    keys: dict[str, str] = dict(entry.split(":") for entry in api.keys)
    if not keys and not api.allow_anonymous and not is_loopback(api.host):
        raise SettingsError(
            f"api.host {api.host} is reachable from other machines; set api.keys (writing-service keys NAME creates "
            "one), or set api.allow_anonymous behind a proxy that authenticates"
        )
    if (hosts := Hosts.of(api)) is not None:
        app.before_request(lambda: None if request.path in PROBES else hosts.check(request.environ))
    app.before_request(lambda: _identify(keys, api.client_header))
    if keys or api.client_header:
        app.before_request(lambda: _authorise(api.operators))
    if api.cors_origins:
        origins = list(map(_pattern, api.cors_origins))
        CORS(app, origins=origins, expose_headers=EXPOSED, max_age=PREFLIGHT_MAX_AGE_S)
    if api.rate_limit is not None:
        RateLimit(api.rate_limit, settings.redis).apply(app)
    app.after_request(_add_headers)


def _identify(keys: dict[str, str], header: str | None) -> None:
    """Identify the client by its key, or by the name that a proxy gives; open paths and preflight requests need none.

    Raises:
        Unauthorized: the client cannot be identified, and must be.
    """
    g.client = None
    if request.path in OPEN_PATHS or request.path.startswith(OPEN_PREFIXES) or request.method == "OPTIONS":
        return
    if header is not None:
        g.client = _named_by_proxy(header)
    elif keys:
        g.client = _named_by_key(keys)


def _named_by_proxy(header: str) -> str:
    """Return the client's name from a proxy's header. Two such headers arrive as one, whose comma is in no name."""
    name = request.headers.get(header, "")
    if len(name) > LONGEST_CLIENT_NAME or not KEY_NAME.fullmatch(name):
        raise Unauthorized(f"the proxy must name the client in {header}: letters, digits, single spaces and . @ + - _")
    return name


def _named_by_key(keys: dict[str, str]) -> str:
    """Return the name of the key given as ``Authorization: Bearer`` or ``X-API-Key``."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    given = digest(bearer if scheme.lower() == "bearer" else request.headers.get("X-API-Key", ""))
    # All keys are compared, in constant time, so that the duration reveals nothing.
    found = [name for name, known in keys.items() if hmac.compare_digest(known, given)]
    if not found:
        raise Unauthorized("send a valid key as Authorization: Bearer … or X-API-Key")
    return found[0]


def _authorise(operators: Collection[str]) -> None:
    """Allow operators everything, and other clients access to what they own.

    Raises:
        OperatorOnly: the call is for operators.
        JobNotFound, DeckNotFound: it belongs to another client, so its existence is not revealed.
    """
    is_open = g.client is None  # open to everyone: a page, a probe, a browser's preflight request
    if is_open or g.client in operators:
        return
    if request.endpoint in OPERATOR_ENDPOINTS:
        raise OperatorOnly("this call needs an operator's key (api.operators)")
    job_id = (request.view_args or {}).get("job_id")
    if job_id is not None:
        authorise_job(job_id)
    deck_id = (request.view_args or {}).get("deck_id")
    if deck_id is not None and services().decks.owner(deck_id) != g.client:
        raise unknown_deck(deck_id)


def authorise_job(job_id: str) -> None:
    """Allow a client its own jobs, and an operator all.

    Raises:
        JobNotFound: the job belongs to another client, so its existence is not revealed.
    """
    service = services()
    if g.client is None or g.client in service.settings.api.operators:
        return
    if service.store.owner(job_id) not in (None, g.client):
        raise unknown_job(job_id)


def _pattern(origin: str) -> "str | re.Pattern[str]":
    """Return an origin that flask-cors takes literally; it treats some, such as IPv6 addresses, as patterns."""
    return origin if origin == "*" else re.compile(re.escape(origin) + r"\Z")


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if response.mimetype == "text/html":
        policy = SWAGGER_POLICY if request.path.startswith("/openapi") else CONTENT_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
    return response
