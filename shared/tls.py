"""TLS connections to Redis, which a ``rediss://`` address asks for. They are always verified."""

import socket
import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from shared.errors import SettingsError
from shared.locations import locate
from shared.settings import RedisSettings

DEFAULT_PORT = 6379
BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
ALERT_S = 0.3  # how long to wait for a refusal after the handshake


def tls_options(settings: RedisSettings) -> dict[str, Any]:
    """Return the TLS options by the names that redis-py, Celery's broker and its result backend share; {} if none."""
    if not settings.uses_tls:
        return {}
    files = {"ssl_ca_certs": settings.ca_file, "ssl_certfile": settings.cert_file, "ssl_keyfile": settings.key_file}
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        **{option: str(locate(file)) for option, file in files.items() if file is not None},
    }


def check_tls(settings: RedisSettings) -> None:
    """Check once, at a process's start, that Redis's certificate is trusted. An unreachable Redis passes.

    Raises:
        SettingsError: the certificate is not trusted, Redis speaks TLS and its address does not say so or the reverse,
            it requires a client certificate, or a file cannot be read.
    """
    parts = urlsplit(settings.url)
    address = unquote(parts.hostname or "localhost"), parts.port or DEFAULT_PORT
    if not settings.uses_tls:
        if not _answers_in_the_clear(address, settings.timeout_s) and _speaks_tls(address, settings.timeout_s):
            raise SettingsError(f"redis.url: {address[0]}:{address[1]} uses TLS; give its address as rediss://…")
        return
    try:
        _shake_hands(address, _context(settings), settings.timeout_s)
    except OSError as error:
        is_broken_off = not isinstance(error, ssl.SSLError) or isinstance(error, BROKEN_OFF)
        if is_broken_off and not _answers_in_the_clear(address, settings.timeout_s):
            return  # unreachable
        fault = "does not use TLS; give its address as redis://…" if is_broken_off else _fault(error)
        raise SettingsError(f"redis.url: {address[0]}:{address[1]} {fault}") from error


def _shake_hands(address: tuple[str, int], context: ssl.SSLContext, timeout_s: float) -> None:
    """Open a connection and close it.

    Raises:
        ssl.SSLError: one side rejects the other.
        OSError: the server does not answer.
    """
    with (
        socket.create_connection(address, timeout=timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as encrypted,
    ):
        # Under TLS 1.3 a server that requires a client certificate reports a missing one only after the handshake.
        encrypted.settimeout(min(ALERT_S, timeout_s))
        with suppress(TimeoutError):
            encrypted.recv(1)


def _answers_in_the_clear(address: tuple[str, int], timeout_s: float) -> bool:
    """Return whether a Redis without TLS answers at the address. Send nothing but a PING."""
    try:
        with socket.create_connection(address, timeout=timeout_s) as plain:
            plain.sendall(b"PING\r\n")
            return plain.recv(1) in {b"+", b"-"}
    except OSError:
        return False


def _speaks_tls(address: tuple[str, int], timeout_s: float) -> bool:
    """Return whether a server with TLS answers at the address, whatever its certificate. Send nothing to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(address, timeout=timeout_s) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False


def _context(settings: RedisSettings) -> ssl.SSLContext:
    """Return a TLS context that verifies as redis-py does with the same options.

    Raises:
        SettingsError: a file cannot be read, or is not PEM.
    """
    context = ssl.create_default_context()
    options = tls_options(settings)
    if settings.ca_file is not None:
        try:
            context.load_verify_locations(options["ssl_ca_certs"])
        except OSError as error:
            raise SettingsError(f"redis.ca_file: {settings.ca_file} {_unreadable(error)}") from error
    if settings.cert_file is not None:
        try:
            # With an empty password, an encrypted key is refused instead of prompting on the terminal.
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"), password="")
        except OSError as error:
            raise SettingsError(
                f"redis.cert_file, redis.key_file: {settings.cert_file} {_unreadable(error)}"
            ) from error
    return context


def _unreadable(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "does not contain the necessary PEM data, or does not match its key"
    return f"cannot be read ({error.strerror})"


def _fault(error: OSError) -> str:
    """Return what is wrong with a handshake and how to fix it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not trusted ({error.verify_message}); "
            "if a private CA signed it, set redis.ca_file to that CA's certificate"
        )
    reason = (getattr(error, "reason", None) or str(error)).lower().replace("_", " ")
    if "certificate required" in reason or "bad certificate" in reason or "unknown ca" in reason:
        return f"requires a client certificate that it trusts ({reason}); set redis.cert_file and redis.key_file"
    return f"failed the TLS handshake ({reason})"
