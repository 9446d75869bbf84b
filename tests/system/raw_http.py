"""Requests as bytes, and answers to them."""

import json
import socket
from dataclasses import dataclass
from typing import Any

from local.stack import Stack

SUBMIT = "/api/writing/generate-writing-image"
HOST = b"Host: localhost\r\n"
POST = b"POST " + SUBMIT.encode() + b" HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """A raw HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        return found


def connect(stack: Stack) -> socket.socket:
    return socket.create_connection(("127.0.0.1", stack.port), timeout=30)


def read_answer(connection: socket.socket) -> Answer | None:
    """Return the response; None if the connection was closed without one."""
    with connection.makefile("rb") as stream:
        status_line = stream.readline()
        if not status_line:
            return None
        headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin1").partition(":")
            headers[name.lower()] = value.strip()
        return Answer(int(status_line.split()[1]), headers, stream.read(int(headers["content-length"])))


def ask(stack: Stack, raw: bytes) -> Answer:
    with connect(stack) as connection:
        connection.sendall(raw)
        answer = read_answer(connection)
    assert answer is not None
    return answer
