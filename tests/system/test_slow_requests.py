"""Requests that arrive slowly or never end: real processes."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from api.connection import SEND_FACTOR
from local.stack import Stack
from tests.system.conftest import RECEIVE_S
from tests.system.raw_http import CHUNKED, HOST, POST, ask, connect, read_answer

UNFINISHED = [
    POST + b'Content-Length: 50\r\n\r\n{"word":',
    POST + b"Content-Length: 50\r\n\r\n",
    CHUNKED + b'8\r\n{"word":\r\n',
    CHUNKED + b'20\r\n{"word":',
    CHUNKED + b"2",
    b"GET / HTTP/1.1\r\nHost: loc",
    b"GET /",
    b"G",
]
SILENCE = b""
UNREAD = 12
GET_LARGE = b"GET /openapi/swagger/js/swagger-ui-bundle.js HTTP/1.1\r\n" + HOST + b"\r\n"


def unread(stack: Stack) -> socket.socket:
    """Return a connection whose buffer is small, so that the answer waits in the service."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", stack.port))
    return connection


def read_all(connection: socket.socket) -> bytes:
    """Return what is left to read until the connection is closed or reset."""
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := connection.recv(65_536):
            received += data
    return bytes(received)


@pytest.fixture(scope="module", autouse=True)
def unread_answers(service: Stack) -> Iterator[tuple[socket.socket, float]]:
    """A connection whose answers are not read, and when they were requested; it waits beside the other tests."""
    with unread(service) as connection:
        connection.sendall(GET_LARGE * UNREAD)
        yield connection, time.monotonic()


@pytest.fixture(scope="module")
def unfinished(service: Stack) -> Iterator[dict[bytes, socket.socket]]:
    """A connection for each request that does not end, all sent at once, so that the tests wait together."""
    with ExitStack() as opened:
        connections = {raw: opened.enter_context(connect(service)) for raw in (*UNFINISHED, SILENCE)}
        for raw, connection in connections.items():
            connection.sendall(raw)
        yield connections


@pytest.mark.parametrize("raw", UNFINISHED)
def test_a_request_that_does_not_end_is_over_in_time(unfinished: dict[bytes, socket.socket], raw: bytes) -> None:
    answer = read_answer(unfinished[raw])
    assert answer is not None
    assert (answer.status, answer.problem["code"]) == (408, "request_timeout")
    assert answer.headers["connection"] == "close"
    assert unfinished[raw].recv(1) == b""


def test_a_silent_connection_is_closed_without_a_word(unfinished: dict[bytes, socket.socket]) -> None:
    assert read_answer(unfinished[SILENCE]) is None


@pytest.mark.parametrize("start", [POST + b"Content-Length: 5000\r\n\r\n", CHUNKED, b"GET / HTTP/1.1\r\nX: "])
def test_a_request_that_trickles_is_over_in_time(service: Stack, start: bytes) -> None:
    """An occasional byte does not extend the deadline."""
    piece = b"1\r\na\r\n" if start is CHUNKED else b"a"
    with connect(service) as connection:
        connection.sendall(start)
        connection.settimeout(0.1)
        for _ in range(60):
            try:
                connection.sendall(piece)
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
        connection.settimeout(10)
        answer = read_answer(connection)
    assert answer is not None
    assert (answer.status, answer.problem["code"]) == (408, "request_timeout")


def test_a_slow_request_that_arrives_in_time_is_served_and_the_next_one_has_its_own_time(service: Stack) -> None:
    body = json.dumps({"word": "学", "translation": "study"}).encode()
    with connect(service) as connection:
        for _ in range(3):
            connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body))
            for start in range(0, len(body), 12):
                time.sleep(RECEIVE_S / 8)
                connection.sendall(body[start : start + 12])
            answer = read_answer(connection)
            assert answer is not None
            assert answer.status == 202


@pytest.mark.slow
def test_an_answer_that_is_read_slowly_is_complete(service: Stack) -> None:
    """It takes longer than the time in which a client must take something."""
    body = ask(service, GET_LARGE).body
    with unread(service) as connection, connection.makefile("rb") as stream:
        connection.sendall(GET_LARGE)
        received = b""
        for _ in range(10):
            time.sleep(SEND_FACTOR * RECEIVE_S / 8)
            received += stream.read(len(body) // 10)
        assert (received + stream.read()).endswith(body)


@pytest.mark.slow
def test_an_answer_that_is_read_slowly_through_large_buffers_is_complete(service: Stack) -> None:
    """A socket counts as writable again only once a third of its buffer is free, which here takes longer."""
    with connect(service) as connection, connection.makefile("rb") as stream:
        connection.sendall(GET_LARGE * 12)
        body = ask(service, GET_LARGE).body
        started = time.monotonic()
        while time.monotonic() < started + 2 * SEND_FACTOR * RECEIVE_S:
            stream.read(10_000)
            time.sleep(0.2)
        assert read_all(connection).endswith(body)


def test_a_body_that_nobody_reads_does_not_hold_the_connection(service: Stack) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"Content-Length: 5000\r\n\r\n{")
        answer = read_answer(connection)
        assert answer is not None
        assert answer.status == 200
        assert connection.recv(1) == b""


def test_an_answer_that_is_not_read_does_not_hold_the_connection(
    service: Stack, unread_answers: tuple[socket.socket, float]
) -> None:
    connection, sent = unread_answers
    # Until its buffers are full, and then as long as it may take nothing.
    time.sleep(max(0.0, sent + 2 * SEND_FACTOR * RECEIVE_S - time.monotonic()))
    assert len(read_all(connection)) < len(ask(service, GET_LARGE).body) * UNREAD
