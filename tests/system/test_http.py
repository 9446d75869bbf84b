"""gunicorn's own responses, foreign hosts and the access log, with real processes."""

import pytest
import requests

from local.stack import Stack
from shared.errors import ERRORS_BY_CODE
from tests.helpers import Api, eventually
from tests.system.raw_http import CHUNKED, HOST, POST, SUBMIT, ask


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
        (b"GET /health HTTP/1.1\r\n\r\n", 400, "bad_request"),
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
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "address_too_long"),
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


@pytest.mark.parametrize(
    ("header", "path", "status"),
    [
        (b"PATH_INFO: /health", b"/api/writing/nothing", 404),
        (b"SCRIPT_NAME: /health", b"/health", 200),
        (b"SCRIPT_NAME: /elsewhere", b"/health", 200),
        (b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off", b"/health", 200),
    ],
)
def test_no_header_changes_a_requests_address(service: Stack, header: bytes, path: bytes, status: int) -> None:
    assert ask(service, b"GET " + path + b" HTTP/1.1\r\n" + HOST + header + b"\r\n\r\n").status == status


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
    assert any(line.split(" access: ")[1].startswith("127.0.0.1 - - job=- 400 ") for line in lines())
    assert any(f"127.0.0.1 POST {SUBMIT} job={job_id} 202 " in line for line in lines())
    assert any("127.0.0.1 GET /api/writing/meaning job=- " in line for line in lines())
    assert "secret" not in "".join(lines())
