"""Calls under way when the server ends or Redis freezes: real processes."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from local.stack import Stack
from tests.helpers import Api, answers, child, eventually
from tests.system.raw_http import HOST, POST, SUBMIT, connect, read_answer


def in_thread(call: Callable[[], requests.Response]) -> tuple[threading.Thread, list[requests.Response]]:
    found: list[requests.Response] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    return thread, found


@contextmanager
def api_alone(folder: Path, **environment: str) -> Iterator[Stack]:
    with Stack(workers=0, data_folder=folder / "redis", log_folder=folder, environment=environment) as stack:
        stack.wait_for(lambda: answers(stack.url), 60, "the API")
        yield stack


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def lasting(logs: Path) -> Iterator[Stack]:
    """An API that logs in JSON, for tests after which it still serves."""
    with api_alone(logs, WRITING_LOGGING__FORMAT="json", TZ="Asia/Kolkata") as stack:
        yield stack


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    with api_alone(tmp_path) as stack:
        yield stack


@pytest.mark.slow
def test_who_waits_as_the_server_ends_gets_the_job_s_address(fresh: Stack) -> None:
    api = Api(fresh.url)
    waiting = [in_thread(lambda: api.submit(word="学", headers={"Prefer": "wait=60"})) for _ in range(6)]
    depth = lambda: api.get("/api/writing/status").json()["queue_depth"]["interactive"]  # noqa: E731
    eventually(lambda: depth() == 6)
    server = child(fresh, "api").process
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


@pytest.mark.slow
def test_a_half_sent_body_does_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    with api_alone(tmp_path, WRITING_API__RECEIVE_S="2") as fresh, connect(fresh) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")
        assert read_answer(connection) is not None, "a process now holds the connection"
        connection.sendall(POST + b"Content-Length: 50\r\n\r\n{")
        server = child(fresh, "api").process
        server.send_signal(signal.SIGTERM)
        answer = read_answer(connection)
        assert answer is not None
        assert answer.status == 408
        assert server.wait(20) == 0


def test_every_line_of_the_log_is_json_if_it_is_to_be(lasting: Stack, logs: Path) -> None:
    """Including gunicorn's own."""
    assert requests.get(f"{lasting.url}/api/writing/status", timeout=5).ok
    lines = [json.loads(line) for line in (logs / "api.log").read_text().splitlines()]
    assert all(line["timestamp"].endswith("+00:00") for line in lines), "wherever the machine is"
    assert {"gunicorn.error", "access"} <= {line["name"] for line in lines}


def test_a_frozen_redis_is_told_in_time_by_every_call(lasting: Stack) -> None:
    """The limit is the promised two seconds, plus half a second for a busy machine."""
    api = Api(lasting.url)
    patience_s = 2.5
    job_id = api.submit(word="学").json()["job_id"]
    job = f"{lasting.url}/api/writing/jobs/{job_id}"

    def submit(**headers: str) -> requests.Response:
        return requests.post(lasting.url + SUBMIT, json={"word": "学"}, headers=headers, timeout=patience_s)

    calls: list[Callable[[], requests.Response]] = [
        submit,
        lambda: submit(Prefer="wait=20"),
        lambda: submit(**{"Idempotency-Key": "k"}),
        lambda: requests.delete(job, timeout=patience_s),
        lambda: requests.post(f"{lasting.url}/health/warmup", timeout=patience_s),
        *(
            lambda address=address: requests.get(address, timeout=patience_s)  # type: ignore[misc]
            for address in (
                job, f"{job}?result=links", f"{job}/image", f"{job}/conditioning/canny/opencv_canny", f"{job}/events",
                f"{lasting.url}/api/writing/status", f"{lasting.url}/health/ready", f"{lasting.url}/metrics",
            )
        ),
    ]  # fmt: skip
    waiting = in_thread(lambda: api.submit(word="学", headers={"Prefer": "wait=60"}))
    eventually(lambda: api.get("/api/writing/status").json()["queue_depth"]["interactive"] == 2)
    redis_server = child(lasting, "redis").process
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
        assert requests.get(f"{lasting.url}/health/detailed", timeout=patience_s).json()["status"] == "unavailable"
    finally:
        redis_server.send_signal(signal.SIGCONT)
    waiting[0].join(20)
    (accepted,) = waiting[1]
    assert accepted.status_code == 202, "it was accepted before Redis froze, so its client receives its id"
    eventually(lambda: api.get(accepted.json()["status_url"]).status_code == 200)
