"""The client with misbehaving servers, and its event reader."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from local.stack import free_port
from writing_client import (
    JobCancelled,
    JobFailed,
    Preview,
    Unreachable,
    Update,
    WaitTimedOut,
    WritingClient,
    WritingError,
)
from writing_client.events import Event, read_events
from writing_client.models import JobStatus

JOB = "/api/writing/jobs/j"
POST = "/api/writing/generate-writing-image"
RESULT = {
    "success": True,
    "generated_image_base64": "aGk=",
    "conditioning_images_base64": {},
    "prompt_used": "p",
    "generation_metadata": {"seed": 5},
}


@dataclass
class Answer:
    """A response of a scripted service; `body` is sent unchanged, or as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False


class Scripted(ThreadingHTTPServer):
    """A service that answers each call with the next response of its script, and repeats the last one."""

    daemon_threads = True

    def __init__(self, script: dict[str, list[Answer]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.seen: list[tuple[str, dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def headers_of(self, call: str) -> list[dict[str, str]]:
        return [headers for seen, headers, _ in self.seen if seen == call]


class _Handler(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def _answer(self) -> None:
        call = f"{self.command} {self.path.removesuffix('?result=links')}"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.seen.append((call, dict(self.headers), body))
        answers = self.server.script.get(call, [Answer(404, {"code": "not_found", "detail": "?", "title": "?"})])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        is_text = isinstance(answer.body, str)
        content = answer.body.encode() if is_text else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/event-stream" if is_text else "application/json")
        self.send_header("Content-Length", str(len(content) + (10 if answer.is_cut else 0)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = answer.is_cut

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  # the library's names


@pytest.fixture
def scripted() -> Iterator[Any]:
    """Starts a scripted service."""
    servers: list[Scripted] = []

    def start(**script: list[Answer]) -> Scripted:
        names = {
            "submit": f"POST {POST}",
            "view": f"GET {JOB}",
            "events": f"GET {JOB}/events",
            "cancel": f"DELETE {JOB}",
        }
        server = Scripted({names[name]: answers for name, answers in script.items()})
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def accepted() -> Answer:
    return Answer(202, {"job_id": "j", "status": "queued", "status_url": JOB})


def view(status: str, **changed: Any) -> Answer:
    document = {
        "job_id": "j",
        "status": status,
        "stage": status,
        "progress": {"step": 0, "total_steps": 0},
        "queue_position": None,
        "result": RESULT if status == "succeeded" else None,
        "error": None,
    }
    return Answer(200, document | changed)


def refused(status: int, code: str, **headers: str) -> Answer:
    return Answer(status, {"code": code, "title": "T.", "detail": "why", "field": "word"}, headers)


def event(name: str, data: Any, event_id: str = "") -> str:
    return (f"id: {event_id}\n" if event_id else "") + f"event: {name}\ndata: {json.dumps(data)}\n\n"


def progress(step: int) -> str:
    told = {"status": "running", "stage": "diffusion", "step": step, "total_steps": 9}
    return event("progress", told, f"{step}-0")


END = event("end", {"status": "succeeded", "error": None}, "9-0")


class TestCalls:
    def test_a_full_service_is_asked_again_with_the_same_key(self, scripted: Any) -> None:
        full = refused(429, "queue_full", **{"Retry-After": "0"})
        server = scripted(submit=[full, refused(503, "queue_unavailable"), accepted()])
        with WritingClient(server.url) as client:
            assert client.submit("山").id == "j"
        keys = [headers["Idempotency-Key"] for headers in server.headers_of(f"POST {POST}")]
        assert len(keys) == 3
        assert len(set(keys)) == 1

    def test_two_jobs_have_two_keys(self, scripted: Any) -> None:
        server = scripted(submit=[accepted()])
        with WritingClient(server.url) as client:
            client.submit("山")
            client.submit("山")
        assert len({headers["Idempotency-Key"] for headers in server.headers_of(f"POST {POST}")}) == 2

    def test_a_service_that_stays_full_is_given_up(self, scripted: Any) -> None:
        server = scripted(submit=[refused(429, "queue_full", **{"Retry-After": "100"})])
        with WritingClient(server.url, retry_s=5) as client, pytest.raises(WritingError) as caught:
            client.submit("山")
        assert (caught.value.code, caught.value.status, caught.value.retry_after_s) == ("queue_full", 429, 100)
        assert len(server.seen) == 1, "100 s exceed retry_s"

    def test_a_refused_request_is_not_repeated_and_says_why(self, scripted: Any) -> None:
        server = scripted(submit=[refused(422, "invalid_word")])
        with WritingClient(server.url) as client, pytest.raises(WritingError) as caught:
            client.submit("")
        error = caught.value
        assert (error.code, error.title, error.detail, error.field, error.status) == (
            "invalid_word",
            "T.",
            "why",
            "word",
            422,
        )
        assert len(server.seen) == 1

    def test_an_answer_that_is_no_problem_is_an_error_too(self, scripted: Any) -> None:
        server = scripted(submit=[Answer(502, "<html>bad gateway")])
        with WritingClient(server.url) as client, pytest.raises(WritingError, match="502") as caught:
            client.submit("山")
        assert caught.value.code == "unexpected_answer"

    def test_nobody_there_is_unreachable(self) -> None:
        with WritingClient(f"http://127.0.0.1:{free_port()}", retry_s=0) as client, pytest.raises(Unreachable):
            client.status()

    @pytest.mark.parametrize("url", ["nowhere", "ftp://host", "http://"])
    def test_what_is_no_address_is_said_at_once(self, url: str) -> None:
        with WritingClient(url) as client, pytest.raises(WritingError) as caught:
            client.status()
        assert caught.value.code == "wrong_input"

    def test_address_and_key_come_from_the_environment(self, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        server = scripted(submit=[accepted()])
        monkeypatch.setenv("WRITING_URL", server.url + "/")
        monkeypatch.setenv("WRITING_API_KEY", "secret")
        with WritingClient() as client:
            client.submit("山", "mountain", seed=3)
        (headers,) = server.headers_of(f"POST {POST}")
        assert headers["Authorization"] == "Bearer secret"
        assert json.loads(server.seen[0][2]) == {"word": "山", "translation": "mountain", "seed": 3}


class TestWaiting:
    def test_events_are_followed_to_the_result(self, scripted: Any) -> None:
        preview = event("preview", {"step": 1, "image": "data:image/jpeg;base64,aGk="}, "1-1")
        queued = event("queue", {"queue_position": 2})
        server = scripted(
            events=[Answer(200, queued + progress(1) + preview + ": beat\n\n" + END)], view=[view("succeeded")]
        )
        updates: list[Update] = []
        previews: list[Preview] = []
        with WritingClient(server.url) as client:
            result = client.job("j").wait(updates.append, previews.append)
        assert result.generation_metadata["seed"] == 5
        assert updates == [Update(queue_position=2), Update(JobStatus.RUNNING, "diffusion", 1, 9)]
        assert previews == [Preview(1, b"hi")]

    def test_a_broken_stream_goes_on_from_the_last_event(self, scripted: Any) -> None:
        server = scripted(
            events=[Answer(200, progress(1) + "id: 2-0\nevent: prog", is_cut=True), Answer(200, progress(2) + END)],
            view=[view("succeeded")],
        )
        steps: list[int] = []
        with WritingClient(server.url) as client:
            client.job("j").wait(lambda update: steps.append(update.step))
        first, second = server.headers_of(f"GET {JOB}/events")
        assert "Last-Event-ID" not in first
        assert second["Last-Event-ID"] == "1-0", "the id of the last complete event"
        assert steps == [1, 2]

    @pytest.mark.parametrize("events", [refused(404, "not_found"), refused(503, "queue_unavailable"), Answer(200, {})])
    def test_without_a_stream_the_job_is_polled(self, scripted: Any, events: Answer) -> None:
        running = view("running", progress={"step": 4, "total_steps": 9})
        server = scripted(events=[events], view=[view("queued", queue_position=1), running, view("succeeded")])
        updates: list[Update] = []
        with WritingClient(server.url) as client:
            client.job("j").wait(updates.append)
        assert [(update.status, update.step, update.queue_position) for update in updates] == [
            ("queued", 0, 1),
            ("running", 4, None),
            ("succeeded", 0, None),
        ]

    def test_a_stream_that_never_says_anything_is_given_up_for_polling(self, scripted: Any) -> None:
        server = scripted(events=[Answer(200, ": beat\n\n")], view=[view("succeeded")])
        with WritingClient(server.url) as client:
            assert client.job("j").wait().success
        assert len(server.headers_of(f"GET {JOB}/events")) == 3

    def test_a_failed_job_raises_its_error(self, scripted: Any) -> None:
        error = {"code": "out_of_memory", "title": "T.", "detail": "too large", "field": None}
        server = scripted(events=[Answer(200, END)], view=[view("failed", error=error)])
        with WritingClient(server.url) as client, pytest.raises(JobFailed, match="too large") as caught:
            client.job("j").wait()
        assert caught.value.code == "out_of_memory"

    def test_a_cancelled_job_raises_that(self, scripted: Any) -> None:
        server = scripted(events=[Answer(200, END)], view=[view("cancelled")])
        with WritingClient(server.url) as client, pytest.raises(JobCancelled):
            client.job("j").wait()

    def test_an_unknown_job_is_said_to_be_unknown(self, scripted: Any) -> None:
        server = scripted(events=[refused(404, "job_not_found")])
        with WritingClient(server.url) as client, pytest.raises(WritingError) as caught:
            client.job("j").wait()
        assert caught.value.code == "job_not_found"

    def test_a_wait_that_takes_too_long_cancels_the_job_of_generate(self, scripted: Any) -> None:
        gone = refused(404, "not_found")
        server = scripted(submit=[accepted()], events=[gone], view=[view("running")], cancel=[view("cancelled")])
        with WritingClient(server.url) as client, pytest.raises(WaitTimedOut):
            client.generate("山", timeout_s=0.3)
        assert len(server.headers_of(f"DELETE {JOB}")) == 1

    def test_what_a_newer_service_says_besides_is_ignored(self, scripted: Any) -> None:
        server = scripted(view=[view("succeeded", news=1, result={**RESULT, "more": 2})])
        with WritingClient(server.url) as client:
            assert client.job("j").view().result is not None


class TestBatch:
    def test_a_refused_request_does_not_stop_the_others(self, scripted: Any) -> None:
        server = scripted(submit=[accepted(), refused(422, "invalid_word"), accepted()], view=[view("succeeded")])
        with WritingClient(server.url) as client:
            outcomes = {outcome.index: outcome for outcome in client.batch([{"word": word} for word in "山水火"])}
        assert [outcomes[index].error and outcomes[index].error.code for index in range(3)] == [
            None,
            "invalid_word",
            None,
        ]
        assert [json.loads(body)["priority"] for call, _, body in server.seen if call.startswith("POST")] == [
            "bulk"
        ] * 3

    def test_no_more_jobs_are_in_flight_than_asked_for(self, scripted: Any) -> None:
        server = scripted(submit=[accepted()], view=[view("running"), view("running"), view("succeeded")])
        with WritingClient(server.url) as client:
            assert len(list(client.batch([{"word": word} for word in "山水火"], concurrency=2))) == 3
        calls = [call.split()[0] for call, _, _ in server.seen]
        assert calls[:3] == ["POST", "POST", "GET"]

    def test_closing_a_batch_cancels_what_is_in_flight(self, scripted: Any) -> None:
        server = scripted(submit=[accepted()], view=[view("succeeded"), view("running")], cancel=[view("cancelled")])
        with WritingClient(server.url) as client:
            batch = client.batch([{"word": word} for word in "山水火"], concurrency=2)
            next(batch)
            batch.close()
        assert len(server.headers_of(f"DELETE {JOB}")) == 1

    def test_a_wrong_key_ends_the_batch(self, scripted: Any) -> None:
        server = scripted(submit=[refused(401, "unauthorized")])
        with WritingClient(server.url) as client, pytest.raises(WritingError) as caught:
            list(client.batch([{"word": "山"}, {"word": "水"}]))
        assert caught.value.code == "unauthorized"
        assert len(server.seen) == 1


STREAM = (
    '\ufeff: beat\n\nid: 1-0\r\nevent: progress\r\ndata: {"stage": "学习"}\r\n\r\ndata: a\rdata:b\r\rid\ndata\n\n'
    "event: unfinished\ndata: x"
).encode()
EVENTS = [Event("progress", '{"stage": "学习"}', "1-0"), Event("message", "a\nb", "1-0"), Event("message", "", "")]


class TestEvents:
    def test_a_stream_is_read_as_the_standard_says(self) -> None:
        assert list(read_events([STREAM])) == EVENTS

    @hypothesis_settings(deadline=None)
    @given(st.sets(st.integers(0, len(STREAM))))
    def test_however_the_bytes_come_the_events_are_the_same(self, cuts: set[int]) -> None:
        edges = [0, *sorted(cuts), len(STREAM)]
        assert list(read_events(STREAM[a:b] for a, b in pairwise(edges))) == EVENTS

    @hypothesis_settings(deadline=None)
    @given(st.binary(max_size=200))
    def test_no_bytes_make_it_fail(self, content: bytes) -> None:
        whole = list(read_events([content]))
        assert whole == list(read_events(bytes([byte]) for byte in content))

    def test_an_event_is_there_as_soon_as_its_last_byte_is(self) -> None:
        def chunks() -> Iterator[bytes]:
            yield b"data: 1\r\n\r"
            raise AssertionError("asked for more")

        assert next(read_events(chunks())).data == "1"
