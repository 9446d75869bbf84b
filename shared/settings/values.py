"""Types of settings values, whose validators explain what is wrong with a value."""

import base64
import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.IGNORECASE)
NUMBERS = re.compile(r"[0-9.]+")
# A name ends at a colon in api.keys, and appears in logs.
KEY_NAME = re.compile(r"[\w.@+-]+(?: [\w.@+-]+)*")
DIGEST = re.compile(r"[0-9a-f]{64}")


SECRET_PREFIX = "whsec_"  # noqa: S105  # a prefix, not a secret
DEFAULT_PORTS = {"http": ":80", "https": ":443"}  # omitted by browsers
SECRET_BYTES = range(24, 65)


def check_host(host: str) -> str:
    """Return a host name or address in the form used for comparison: lower case, IPv6 without brackets.

    Raises:
        ValueError: it is neither; usually it has a scheme, a port or a path.
    """
    plain = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not _is_address(plain) and (NUMBERS.fullmatch(host) or not HOST_NAME.fullmatch(host)):
        raise ValueError(f'{host!r} is not a host name; give one such as "draw.example", without scheme, port or path')
    return plain.lower()


def plain_host(host: str) -> str:
    """Return a host in the form used for comparison and sending: lower case, in ASCII, without a trailing dot.

    Raises:
        ValueError: it is not a valid name.
    """
    return host.rstrip(".").encode("idna").decode().lower()


def check_receiver(host: str) -> str:
    """Return a webhook host in the form of `plain_host`.

    Raises:
        ValueError: it is not a host, or more than a host, so that it would never match.
    """
    address = host.strip("[]")
    return str(ipaddress.ip_address(address)) if _is_address(address) else check_host(plain_host(host))


def check_origin(origin: str) -> str:
    """Return a page's origin in the form that browsers send; `*` means all origins.

    Raises:
        ValueError: it is not an origin; usually it has no scheme, or has a path.
    """
    if origin == "*":
        return origin
    try:
        parts = urlsplit(origin)
        host = check_host(parts.hostname or "")
        plain = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}"
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        plain = port = ""
    if plain + port != origin.lower() or parts.scheme not in {"http", "https"}:
        raise ValueError(
            f'{origin!r} is not an origin; give one such as "https://learn.example", without path or trailing slash'
        )
    return plain + (port if port != DEFAULT_PORTS[parts.scheme] else "")


def check_key(entry: str) -> str:
    """Return an entry of api.keys unchanged.

    Raises:
        ValueError: it is not NAME:DIGEST.
    """
    name, colon, digest = entry.partition(":")
    if not KEY_NAME.fullmatch(name) or not DIGEST.fullmatch(digest):
        shown = repr(name) if colon else "an entry"  # without a colon it may be the key itself
        raise ValueError(f"{shown} is not NAME:DIGEST; create one with writing-service keys NAME")
    return entry


def key_names(entries: Iterable[str]) -> list[str]:
    """Return the names of keys."""
    return [entry.partition(":")[0] for entry in entries]


def check_not_blank(text: str) -> str:
    """Return a text unchanged.

    Raises:
        ValueError: it contains neither a letter nor a digit, so nothing could match it.
    """
    if not any(character.isalnum() for character in text):
        raise ValueError(f"{text!r} contains neither a letter nor a digit")
    return text


def check_redis_url(url: str) -> str:
    """Return a Redis address unchanged. Errors do not repeat it, because it may contain a password.

    Raises:
        ValueError: it is not a valid Redis address.
    """
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not url.startswith(("redis://", "rediss://")) or not re.fullmatch(r"/?[0-9]*", parts.path):
        raise ValueError("must be redis://[:PASSWORD@]HOST[:PORT][/NUMBER], or rediss:// for TLS")
    return url


def check_webhook_secret(secret: str) -> str:
    """Return a webhook secret unchanged. Errors do not repeat it.

    Raises:
        ValueError: it is not a valid secret.
    """
    try:
        length = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except ValueError:
        length = 0
    if not secret.startswith(SECRET_PREFIX) or length not in SECRET_BYTES:
        raise ValueError(f"must be {SECRET_PREFIX} followed by {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes in base64")
    return secret


def check_path(path: Any) -> Any:
    """Return a path unchanged. Python takes a blank one, which an unset variable leaves, for the current folder.

    Raises:
        ValueError: it is blank.
    """
    if isinstance(path, str) and not path.strip():
        raise ValueError("the path is blank")
    return path


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


Host = Annotated[str, AfterValidator(check_host)]
Receiver = Annotated[str, AfterValidator(check_receiver)]
Origin = Annotated[str, AfterValidator(check_origin)]
Key = Annotated[str, AfterValidator(check_key)]
Phrase = Annotated[str, AfterValidator(check_not_blank)]
RedisUrl = Annotated[str, AfterValidator(check_redis_url)]
WebhookSecret = Annotated[str, AfterValidator(check_webhook_secret)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
Name = Annotated[str, Field(min_length=1)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$")]
FilePath = Annotated[Path, BeforeValidator(check_path)]
