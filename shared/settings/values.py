"""Kinds of values in settings, which say what is wrong with a mistyped one."""

import base64
import ipaddress
import re
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.IGNORECASE)
NUMBERS = re.compile(r"[0-9.]+")
# A colon ends it in api.keys, and it stands in logs.
KEY_NAME = re.compile(r"[\w.@+-]+(?: [\w.@+-]+)*")
DIGEST = re.compile(r"[0-9a-f]{64}")


SECRET_PREFIX = "whsec_"  # noqa: S105  # what they begin with
DEFAULT_PORTS = {"http": ":80", "https": ":443"}  # which browsers leave out
SECRET_BYTES = range(24, 65)


def check_host(host: str) -> str:
    """Return a host name or an address as it is compared: in lower case, IPv6 without brackets.

    Raises:
        ValueError: it is none; most often it has a scheme, a port or a path.
    """
    plain = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not _is_address(plain) and (NUMBERS.fullmatch(host) or not HOST_NAME.fullmatch(host)):
        raise ValueError(f'{host!r} is no host name such as "draw.example", without scheme, port and path')
    return plain.lower()


def plain_host(host: str) -> str:
    """Return a host's name or address as it is compared and sent: in lower case and in ASCII, without a final dot.

    Raises:
        ValueError: it is no name.
    """
    return host.rstrip(".").encode("idna").decode().lower()


def check_receiver(host: str) -> str:
    """Return a webhooks' host as `plain_host` has it.

    Raises:
        ValueError: it is more than a host, so that it would never match, or none.
    """
    address = host.strip("[]")
    return str(ipaddress.ip_address(address)) if _is_address(address) else check_host(plain_host(host))


def check_origin(origin: str) -> str:
    """Return a page's origin as browsers send it; `*` is all of them.

    Raises:
        ValueError: it is none; most often it has no scheme, or a path.
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
        raise ValueError(f'{origin!r} is no origin such as "https://learn.example", without path and final slash')
    return plain + (port if port != DEFAULT_PORTS[parts.scheme] else "")


def check_key(entry: str) -> str:
    """Return an entry of api.keys.

    Raises:
        ValueError: it is not NAME:DIGEST.
    """
    name, colon, digest = entry.partition(":")
    if not KEY_NAME.fullmatch(name) or not DIGEST.fullmatch(digest):
        shown = repr(name) if colon else "an entry"  # without a colon it may be the key itself
        raise ValueError(f"{shown} is not NAME:DIGEST; writing-service keys NAME makes one")
    return entry


def key_names(entries: Iterable[str]) -> list[str]:
    """Return the names of keys."""
    return [entry.partition(":")[0] for entry in entries]


def check_not_blank(text: str) -> str:
    """Return a text.

    Raises:
        ValueError: there is nothing in it to be found by.
    """
    if not any(character.isalnum() for character in text):
        raise ValueError(f"{text!r} has neither letter nor digit")
    return text


def check_redis_url(url: str) -> str:
    """Return the address of a Redis. What is wrong with it is said without the address: it may hold a password.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not url.startswith(("redis://", "rediss://")) or not re.fullmatch(r"/?[0-9]*", parts.path):
        raise ValueError("is not redis://[:PASSWORD@]HOST[:PORT][/NUMBER], or rediss:// for TLS")
    return url


def check_webhook_secret(secret: str) -> str:
    """Return a secret. What is wrong with it is said without it.

    Raises:
        ValueError: it is none.
    """
    try:
        length = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except ValueError:
        length = 0
    if not secret.startswith(SECRET_PREFIX) or length not in SECRET_BYTES:
        raise ValueError(f"is not {SECRET_PREFIX} and {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes in base64")
    return secret


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
Name = Annotated[str, Field(min_length=1)]
