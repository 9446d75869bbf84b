"""TLS on the way to Redis: always verified. A ``rediss://`` address asks for it."""

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
ALERT_S = 0.3  # for so long a refusal after the handshake is waited for


def tls_options(settings: RedisSettings) -> dict[str, Any]:
    """Return what redis-py, Celery's broker and its result backend all call TLS's options by; {} without TLS."""
    if not settings.uses_tls:
        return {}
    files = {"ssl_ca_certs": settings.ca_file, "ssl_certfile": settings.cert_file, "ssl_keyfile": settings.key_file}
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        **{option: str(locate(file)) for option, file in files.items() if file is not None},
    }


def check_tls(settings: RedisSettings) -> None:
    """Look whether Redis's certificate is trusted, once, at a process's start; a Redis that is away is let pass.

    Raises:
        SettingsError: it is not trusted, Redis speaks no TLS or wants a client certificate, or a file cannot be read.
    """
    if not settings.uses_tls:
        return
    parts = urlsplit(settings.url)
    address = unquote(parts.hostname or "localhost"), parts.port or DEFAULT_PORT
    try:
        _shake_hands(address, _context(settings), settings.timeout_s)
    except OSError as error:
        is_broken_off = not isinstance(error, ssl.SSLError) or isinstance(error, BROKEN_OFF)
        if is_broken_off and not _answers_in_the_clear(address, settings.timeout_s):
            return  # it is away
        fault = "does not speak TLS; its address then begins with redis://" if is_broken_off else _fault(error)
        raise SettingsError(f"redis.url: {address[0]}:{address[1]} {fault}") from error


def _shake_hands(address: tuple[str, int], context: ssl.SSLContext, timeout_s: float) -> None:
    """Open a connection and close it.

    Raises:
        ssl.SSLError: one side does not like the other.
        OSError: nobody answers.
    """
    with (
        socket.create_connection(address, timeout=timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as encrypted,
    ):
        # Under TLS 1.3 a server that asks for a certificate of ours says only afterwards that it has missed it.
        encrypted.settimeout(min(ALERT_S, timeout_s))
        with suppress(TimeoutError):
            encrypted.recv(1)


def _answers_in_the_clear(address: tuple[str, int], timeout_s: float) -> bool:
    """Return whether it is a Redis without TLS; it is told nothing but a PING."""
    try:
        with socket.create_connection(address, timeout=timeout_s) as plain:
            plain.sendall(b"PING\r\n")
            return plain.recv(1) in {b"+", b"-"}
    except OSError:
        return False


def _context(settings: RedisSettings) -> ssl.SSLContext:
    """Return what verifies as redis-py will with the same options.

    Raises:
        SettingsError: a file cannot be read, or is no PEM.
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
            # An empty password: a key that needs one is refused, instead of asking for it on the terminal.
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"), password="")
        except OSError as error:
            raise SettingsError(
                f"redis.cert_file, redis.key_file: {settings.cert_file} {_unreadable(error)}"
            ) from error
    return context


def _unreadable(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "does not hold what is needed in PEM, or does not fit its key"
    return f"cannot be read ({error.strerror})"


def _fault(error: OSError) -> str:
    """Say what is wrong with a handshake, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not trusted ({error.verify_message}); "
            "if it comes from a CA of your own, name that CA's file in redis.ca_file"
        )
    reason = (getattr(error, "reason", None) or str(error)).lower().replace("_", " ")
    if "certificate required" in reason or "bad certificate" in reason or "unknown ca" in reason:
        return (
            f"does not take us without a certificate that it knows ({reason}): set redis.cert_file and redis.key_file"
        )
    return f"does not speak TLS as we do ({reason})"
