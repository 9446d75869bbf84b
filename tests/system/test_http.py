"""gunicorn's own responses, endless requests, foreign hosts, and shutdown, with real processes."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from local.stack import Stack
from shared.errors import ERRORS_BY_CODE
from tests.helpers import Api, answers, eventually

SUBMIT = "/api/writing/generate-writing-image"
RECEIVE_S = 2
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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """API and Redis, with a short deadline for a request's arrival."""
    folder = tmp_path_factory.mktemp("http")
    environment = {"WRITING_API__RECEIVE_S": str(RECEIVE_S)}
    with Stack(workers=0, data_folder=folder / "redis", log_folder=folder, environment=environment) as stack:
        stack.wait_for(lambda: answers(stack.url), 60, "the API")
        yield stack


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


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"GET /api/writing/meaning?word=\xe5\xad\xa6 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "bad_request"),
        (b"GET /api/writing/meaning?word=\xd1\xa7 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "bad_request"),
        (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400, "bad_request"),
        (b"NONSENSE\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500 + b"\r\n\r\n", 400, "bad_request"),
        (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 400, "bad_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
        (b"GET http://[bad/ HTTP/1.1\r\n" + HOST + b"\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A B: c\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b" folded\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400, "bad_request"),
        (POST + b"Content-Length: many\r\n\r\n", 400, "bad_request"),
        (POST + b"Content-Length: -1\r\n\r\n", 400, "bad_request"),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, "bad_request"),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_request"),
        (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400, "bad_request"),
        (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", 400, "bad_request"),
        (CHUNKED + b"2\r\n{}xx0\r\n\r\n", 400, "bad_request"),
        (CHUNKED + b"2;a=\x01\r\n{}\r\n0\r\n\r\n", 400, "bad_request"),
        (CHUNKED + b"2\r\n{}\r\n0\r\nbad trailer\r\n\r\n", 400, "bad_request"),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "address_too_long"),
        (b"GET /" + b"a" * 900_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "address_too_long"),
        (POST + b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}", 417, "expectation_failed"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(80)) + b"\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (POST + b"Transfer-Encoding: nonsense\r\n\r\n", 501, "unsupported_transfer_coding"),
    ],
)
def test_broken_http_is_a_problem_with_a_code(service: Stack, raw: bytes, status: int, code: str) -> None:
    answer = ask(service, raw)
    problem = answer.problem
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
    assert problem["title"] == ERRORS_BY_CODE[code].__doc__
    assert len(problem["detail"]) <= 300


def test_a_word_that_is_not_encoded_in_the_address_is_told_how(service: Stack) -> None:
    answer = ask(service, "GET /api/writing/meaning?word=学 HTTP/1.1\r\n".encode() + HOST + b"\r\n")
    assert "%E5%AD%A6" in answer.problem["detail"]
    encoded = requests.get(f"{service.url}/api/writing/meaning?word=%E5%AD%A6", timeout=10)
    assert encoded.json()["word"] == "学"


@pytest.mark.parametrize(
    "raw",
    [
        POST + b'Content-Length: 50\r\n\r\n{"word":',
        POST + b"Content-Length: 50\r\n\r\n",
        CHUNKED + b'8\r\n{"word":\r\n',
        CHUNKED + b'20\r\n{"word":',
        CHUNKED + b"2",
        b"GET / HTTP/1.1\r\nHost: loc",
        b"GET /",
        b"G",
    ],
)
def test_a_request_that_does_not_end_is_over_in_time(service: Stack, raw: bytes) -> None:
    with connect(service) as connection:
        connection.sendall(raw)
        answer = read_answer(connection)
        assert answer is not None
        assert (answer.status, answer.problem["code"]) == (408, "request_timeout")
        assert answer.headers["connection"] == "close"
        assert connection.recv(1) == b""


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


def test_a_silent_connection_is_closed_without_a_word(service: Stack) -> None:
    with connect(service) as connection:
        assert read_answer(connection) is None


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


def test_a_body_that_nobody_reads_does_not_hold_the_connection(service: Stack) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"Content-Length: 5000\r\n\r\n{")
        answer = read_answer(connection)
        assert answer is not None
        assert answer.status == 200
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example:8600\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nForwarded: host=localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: user@localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost:evil\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 0.0.0.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::2]\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 2130706433\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET http://localhost@evil.example/api/writing/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"OPTIONS / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"DELETE /api/writing/jobs/x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_without_keys_only_names_of_this_machine_are_answered(service: Stack, raw: bytes) -> None:
    answer = ask(service, raw)
    assert (answer.status, answer.problem["code"]) == (421, "host_not_allowed")


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:1", "localhost.", "127.0.0.1:8600", "127.9.9.9", "[::1]", "[::1]:8600"]
)
def test_every_name_of_this_machine_is_answered(service: Stack, host: str) -> None:
    raw = f"GET /api/writing/status HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.example\r\n\r\n"
    assert ask(service, raw.encode()).status == 200
    absolute = f"GET http://{host}/api/writing/status HTTP/1.1\r\nHost: {host}\r\n\r\n"
    assert ask(service, absolute.encode()).status == 200


def test_probes_and_old_clients_need_no_host(service: Stack) -> None:
    assert ask(service, b"GET /health HTTP/1.1\r\nHost: 10.1.2.3:8600\r\n\r\n").status == 200
    assert ask(service, b"GET /health/ready HTTP/1.1\r\nHost: 10.1.2.3:8600\r\n\r\n").problem["code"] == "not_ready"
    assert ask(service, b"GET /api/writing/status HTTP/1.0\r\n\r\n").status == 200


def test_every_refusal_has_its_line_in_the_access_log(service: Stack) -> None:
    log = service.supervisor.children[0]._log_folder
    assert log is not None
    ask(service, b"NONSENSE\r\n\r\n")
    ask(service, b"GET /api/writing/meaning?word=secret HTTP/1.1\r\n" + HOST + b"\r\n")
    job_id = Api(service.url).submit(word="学").json()["job_id"]

    def lines() -> list[str]:
        return [line for line in (log / "api.log").read_text().splitlines() if " access: " in line]

    eventually(lambda: any(job_id in line for line in lines()))
    assert any(line.split(" access: ")[1].startswith("- - - job=- 400 ") for line in lines())
    assert any(f"- POST {SUBMIT} job={job_id} 202 " in line for line in lines())
    assert any("- GET /api/writing/meaning job=- " in line for line in lines())
    assert "secret" not in "".join(lines())


def in_thread(call: Callable[[], requests.Response]) -> tuple[threading.Thread, list[requests.Response]]:
    found: list[requests.Response] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    return thread, found


@pytest.fixture
def fresh(tmp_path: Any) -> Iterator[Stack]:
    with Stack(workers=0, data_folder=tmp_path / "redis", log_folder=tmp_path) as stack:
        stack.wait_for(lambda: answers(stack.url), 60, "the API")
        yield stack


def program(stack: Stack, name: str) -> Any:
    return next(child for child in stack.supervisor.children if child.program.name == name).process


def test_who_waits_as_the_server_ends_gets_the_job_s_address(fresh: Stack) -> None:
    api = Api(fresh.url)
    waiting = [in_thread(lambda: api.submit(word="学", headers={"Prefer": "wait=60"})) for _ in range(6)]
    depth = lambda: api.get("/api/writing/status").json()["queue_depth"]["interactive"]  # noqa: E731
    eventually(lambda: depth() == 6)
    server = program(fresh, "api")
    server.send_signal(signal.SIGTERM)
    for thread, found in waiting:
        thread.join(20)
        (answer,) = found
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
        assert answer.headers["Location"] == answer.json()["status_url"]
        assert "Preference-Applied" not in answer.headers
    assert server.wait(20) == 0
    ids = {found[0].json()["job_id"] for _, found in waiting}
    fresh.wait_for(lambda: answers(fresh.url), 60, "the API's successor")
    assert {api.job(job_id)["status"] for job_id in ids} == {"queued"}


def test_a_half_sent_body_does_not_keep_the_server_from_ending(fresh: Stack) -> None:
    with connect(fresh) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")
        assert read_answer(connection) is not None, "a process now holds the connection"
        connection.sendall(POST + b"Content-Length: 50\r\n\r\n{")
        server = program(fresh, "api")
        server.send_signal(signal.SIGTERM)
        answer = read_answer(connection)
        assert answer is not None
        assert answer.status == 408
        assert server.wait(20) == 0


def test_a_frozen_redis_is_told_in_time_by_every_call(fresh: Stack) -> None:
    """The limit is the promised two seconds, plus half a second for a busy machine."""
    api = Api(fresh.url)
    patience_s = 2.5
    job_id = api.submit(word="学").json()["job_id"]
    job = f"{fresh.url}/api/writing/jobs/{job_id}"

    def submit(**headers: str) -> requests.Response:
        return requests.post(fresh.url + SUBMIT, json={"word": "学"}, headers=headers, timeout=patience_s)

    calls: list[Callable[[], requests.Response]] = [
        submit,
        lambda: submit(Prefer="wait=20"),
        lambda: submit(**{"Idempotency-Key": "k"}),
        lambda: requests.delete(job, timeout=patience_s),
        lambda: requests.post(f"{fresh.url}/health/warmup", timeout=patience_s),
        *(
            lambda address=address: requests.get(address, timeout=patience_s)  # type: ignore[misc]
            for address in (
                job, f"{job}?result=links", f"{job}/image", f"{job}/conditioning/canny/opencv_canny", f"{job}/events",
                f"{fresh.url}/api/writing/status", f"{fresh.url}/health/ready", f"{fresh.url}/metrics",
            )
        ),
    ]  # fmt: skip
    waiting = in_thread(lambda: api.submit(word="学", headers={"Prefer": "wait=60"}))
    eventually(lambda: api.get("/api/writing/status").json()["queue_depth"]["interactive"] == 2)
    redis_server = program(fresh, "redis")
    redis_server.send_signal(signal.SIGSTOP)
    try:
        for call in calls:
            answer = call()
            assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
            assert answer.headers["Retry-After"]
        many = [in_thread(lambda: requests.get(job, timeout=2 * patience_s)) for _ in range(80)]
        for thread, found in many:
            thread.join()
            assert [answer.status_code for answer in found] == [503]
        assert requests.get(f"{fresh.url}/health/detailed", timeout=patience_s).json()["status"] == "unavailable"
    finally:
        redis_server.send_signal(signal.SIGCONT)
    waiting[0].join(20)
    (accepted,) = waiting[1]
    assert accepted.status_code == 202, "it was accepted before Redis froze, so its client receives its id"
    eventually(lambda: api.get(accepted.json()["status_url"]).status_code == 200)
