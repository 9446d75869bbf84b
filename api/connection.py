"""A client connection with a deadline for each request, and for each piece of an answer."""

import contextlib
import errno
import socket
import time
from typing import Any

from shared.errors import RequestTimeout

# How many times longer than the arrival of a request a client may take nothing of its answer.
SEND_FACTOR = 3
LINGER_S = 1.0
LINGER_BYTES = 1 << 20


class Connection:
    """A socket from which gunicorn reads requests, and to which it writes answers. The rest is delegated to the socket.

    Between two requests a client may be silent for `idle_s` seconds. From the first byte of a request, it has
    `receive_s` seconds to send all of the headers and the body. An answer may take any time, but the client is
    disconnected if it takes nothing of it for `SEND_FACTOR` times as long.
    """

    def __init__(self, sock: socket.socket, *, receive_s: float, idle_s: float) -> None:
        self._sock = sock
        self._receive_s = receive_s
        self._idle_s = idle_s
        self._deadline: float | None = None
        self._request: Any = None
        self._is_late = False

    def __getattr__(self, name: str) -> Any:
        """Return the socket's attribute."""
        return getattr(self._sock, name)

    def begin(self, request: Any) -> None:
        """Record the request whose headers have arrived; it is this connection's last if its body is late."""
        self._request = request

    def expect_next(self) -> None:
        """Start waiting for the next request."""
        self._request = self._deadline = None

    def recv(self, size: int) -> bytes:
        """Return the bytes received, or b"" at the end.

        Raises:
            RequestTimeout: a request has begun but was not complete in time.
        """
        if self._is_late:
            return b""
        if self._deadline is None:
            with contextlib.suppress(TimeoutError):
                data = self._recv(size, self._idle_s)
                self._deadline = time.monotonic() + self._receive_s
                return data
            self._is_late = True
            return b""
        try:
            return self._recv(size, self._deadline - time.monotonic())
        except TimeoutError:
            self._is_late = True
            if self._request is not None:
                self._request.force_close()
            raise RequestTimeout(f"the request did not arrive within {self._receive_s:g} s") from None

    def sendall(self, data: bytes) -> None:
        """Send all of the data.

        Raises:
            ConnectionResetError: the client takes nothing.
        """
        rest, stalls = memoryview(data), 0
        while rest:
            try:
                sent = self._sock.send(rest)
            except TimeoutError:
                # The kernel calls a socket writable only once a third of its buffer, often megabytes, is free. The next
                # try succeeds if the client has taken anything.
                stalls += 1
                if stalls == SEND_FACTOR:
                    raise ConnectionResetError(errno.ECONNRESET, "the client does not read") from None
            else:
                rest, stalls = rest[sent:], 0

    def linger(self) -> None:
        """Close the write side and keep reading for a moment.

        Closing a socket with unread bytes resets the connection, and the client may lose the response.
        """
        deadline, left = time.monotonic() + LINGER_S, LINGER_BYTES
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            while left > 0 and (data := self._recv(65536, deadline - time.monotonic())):
                left -= len(data)

    def _recv(self, size: int, timeout_s: float) -> bytes:
        if timeout_s <= 0:
            raise TimeoutError
        self._sock.settimeout(timeout_s)
        try:
            return self._sock.recv(size)
        finally:
            self._sock.settimeout(self._receive_s)
