"""One HTTP POST with an enforceable deadline.

Every part of it is awaited, so a timeout around the call covers all of them.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import TypeVar

import certifi
import h11

from shared.queue.webhook_targets import Target

# RFC 8305: how long to wait for an address before trying the next one in parallel.
STAGGER_S = 0.25
PIECE = 65536

T = TypeVar("T")


async def post(target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: bytes) -> int:
    """Send a body to the first address that can be reached, and return the response's status.

    The response's body is not read.

    Raises:
        OSError: no address can be reached, its certificate is not the host's, or the connection broke.
        h11.RemoteProtocolError: the response is not valid HTTP.
    """
    connected = await connect(addresses, target.port)
    is_secure = target.scheme == "https"
    context, name = (verifying_context(), target.host) if is_secure else (None, None)
    try:
        reader, writer = await asyncio.open_connection(sock=connected, ssl=context, server_hostname=name)
    except BaseException:
        connected.close()
        raise
    try:
        protocol = h11.Connection(h11.CLIENT)
        request = h11.Request(method="POST", target=target.path, headers=list(headers.items()))
        for event in (request, h11.Data(body), h11.EndOfMessage()):
            writer.write(protocol.send(event) or b"")
        await writer.drain()
        return await _read_status(protocol, reader)
    finally:
        writer.transport.abort()


async def connect(addresses: Sequence[str], port: int) -> socket.socket:
    """Return a connection to the first address that answers.

    The next address is tried when the one before it fails or is slow.

    Raises:
        OSError: none answers; the message gives the reason for each address.
    """
    waiting, running, errors = list(addresses), set[asyncio.Task[socket.socket]](), list[str]()
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_open(waiting.pop(0), port)))
            ended, running = await asyncio.wait(
                running, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            opened = [task.result() for task in ended if task.exception() is None]
            errors += [str(task.exception()) for task in ended if task.exception() is not None]
            for superfluous in opened[1:]:
                superfluous.close()
            if opened:
                return opened[0]
    finally:
        for task in running:
            task.cancel()
    raise OSError("; ".join(errors) or "the host has no address")


async def in_thread(function: Callable[[], T]) -> T:
    """Await a blocking call in a thread that does not delay the process's exit.

    A name server may never answer.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: Exception | None) -> None:
        if result.cancelled():
            return
        if error is None:
            result.set_result(value)  # type: ignore[arg-type]
        else:
            result.set_exception(error)

    def run() -> None:
        try:
            outcome: tuple[T | None, Exception | None] = function(), None
        except Exception as error:  # noqa: BLE001  # the thread's boundary: raised again where it is awaited
            outcome = None, error
        with suppress(RuntimeError):  # the loop has already ended
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="blocking-call", daemon=True).start()
    return await result


async def _open(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection


async def _read_status(protocol: h11.Connection, reader: asyncio.StreamReader) -> int:
    """Read up to the headers of the final response. Interim responses (1xx) are skipped."""
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await reader.read(PIECE))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionError("the connection was closed without a response")


@cache
def verifying_context() -> ssl.SSLContext:
    """Return a TLS context that trusts the public CAs and those of this machine, which a slim image may lack."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
