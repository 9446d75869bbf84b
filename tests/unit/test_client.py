"""The client against servers that misbehave, its event reader, the doctor, and the models' files."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from client import JobCancelled, JobFailed, Preview, Unreachable, Update, WaitTimedOut, WritingClient, WritingError
from client.doctor import Finding, Level, check_api, check_fonts, check_gpu, check_models, check_redis
from client.events import Event, read_events
from client.model_files import find, sources
from local.stack import free_port
from shared.locations import PROJECT
from shared.model_folder import folder_faults
from shared.schemas import JobStatus
from shared.settings import Settings, load_settings

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
    """What a scripted service answers; `body` is sent as it is, or as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False


class Scripted(ThreadingHTTPServer):
    """A service that answers each call with the next line of its script, the last one again and again."""

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
        assert len(server.seen) == 1, "100 s are more than it has"

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
        assert second["Last-Event-ID"] == "1-0", "of the last whole event"
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


def levels(findings: Iterator[Finding]) -> dict[str, Level]:
    return {finding.subject: finding.level for finding in findings}


class TestDoctor:
    def test_a_redis_that_keeps_the_queue_is_ok(self, settings: Settings) -> None:
        assert levels(check_redis(settings)) == dict.fromkeys(("Redis", "Redis eviction", "Redis AOF"), Level.OK)

    def test_a_redis_that_forgets_is_told_apart(self, settings: Settings) -> None:
        with redis.Redis.from_url(settings.redis.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("appendonly", "no")
            try:
                findings = list(check_redis(settings))
            finally:
                client.config_set("maxmemory-policy", "noeviction")
                client.config_set("appendonly", "yes")
        assert levels(iter(findings)) == {"Redis": Level.OK, "Redis eviction": Level.FAIL, "Redis AOF": Level.WARN}
        assert all(finding.advice.startswith("CONFIG SET") for finding in findings[1:])

    def test_no_redis_fails_and_its_password_stays_secret(self) -> None:
        url = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
        (finding,) = check_redis(load_settings({"WRITING_REDIS__URL": url}))
        assert finding.level is Level.FAIL
        assert "hunter2" not in str(finding)
        assert "WRITING_REDIS__URL" in finding.advice

    def test_the_model_in_the_repository_is_complete_and_those_of_the_hub_are_not_here(
        self, no_hub_cache: None
    ) -> None:
        assert levels(check_models(load_settings({}))) == {
            "models.embedded.base": Level.OK,
            "conditioning.depth_model": Level.WARN,
            "conditioning.segmentation_model": Level.WARN,
        }

    def test_sdxl_without_its_files_says_how_to_get_them(self, no_hub_cache: None) -> None:
        findings = list(check_models(load_settings({"WRITING_MODEL": "sdxl"})))
        assert [finding.level for finding in findings[:3]] == [Level.FAIL] * 3
        assert findings[0].advice == "writing-service models fetch --model sdxl"

    def test_a_missing_font_fails(self) -> None:
        (finding,) = check_fonts(load_settings({"WRITING_FONTS": '["no/such.ttf"]'}))
        assert (finding.level, "no/such.ttf" in finding.text) == (Level.FAIL, True)

    def test_a_gpu_that_is_asked_for_and_not_there_fails(self) -> None:
        first = next(check_gpu(load_settings({"WRITING_DEVICE": "cuda"})))
        is_there = first.subject == "GPU 0"
        assert first.level is (Level.OK if is_there else Level.FAIL)

    def test_no_api_fails_and_says_how_to_start_it(self) -> None:
        with WritingClient(f"http://127.0.0.1:{free_port()}", retry_s=0) as client:
            (finding,) = check_api(client)
        assert finding.level is Level.FAIL
        assert "make serve" in str(finding)


@pytest.fixture
def no_hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))


class TestModelFiles:
    def test_sdxl_needs_its_parts_in_half_precision_and_no_vae_of_its_own(self) -> None:
        base, controlnet, vae, *conditioning = sources(load_settings({}), "sdxl")
        assert "unet/*.fp16*.safetensors" in base.patterns
        assert not any(pattern.startswith(("vae/", "controlnet/")) for pattern in base.patterns)
        assert base.replaced == ("controlnet", "vae")
        assert controlnet.variable == "WRITING_MODELS__SDXL__CONTROLNET"
        assert "diffusion_pytorch_model.safetensors" in vae.patterns
        assert [source.is_optional for source in conditioning] == [True, True]

    def test_turbo_is_fetched_where_it_is_offered(self) -> None:
        offered = load_settings({"WRITING_MODELS__SDXL__QUALITIES": '["exact", "turbo"]'})
        (turbo,) = [source for source in sources(offered, "sdxl") if source.setting == "models.sdxl.turbo.lora"]
        assert turbo.patterns == ("Hyper-SDXL-8steps-CFG-lora.safetensors",)

    def test_a_model_that_is_nowhere_is_not_found(self, no_hub_cache: None) -> None:
        base, *_ = sources(load_settings({}), "sdxl")
        assert find(base) is None


class Hub(BaseHTTPRequestHandler):
    """A hub with one model: what the hub's own client asks for."""

    protocol_version = "HTTP/1.1"
    folder = PROJECT / "worker/data/embedded_model"
    commit = "a" * 40

    def log_message(self, *_: Any) -> None: ...

    def _answer(self) -> None:
        path, _, _ = self.path.partition("?")
        content, headers = b"{}", {}
        if "/resolve/" in path:
            content = (self.folder / path.split(f"/{self.commit}/")[1]).read_bytes()
            headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": self.commit}
        elif "/tree/" in path:
            files = [file for file in self.folder.rglob("*") if file.is_file()]
            content = json.dumps(
                [
                    {
                        "type": "file",
                        "path": file.relative_to(self.folder).as_posix(),
                        "size": file.stat().st_size,
                        "oid": hashlib.sha256(file.read_bytes()).hexdigest(),
                    }
                    for file in files
                ]
            ).encode()
        else:
            content = json.dumps({"id": "ours/tiny", "sha": self.commit, "siblings": []}).encode()
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = _answer  # noqa: N815  # the library's names


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def fetch_models(hub_url: str, home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own: the hub's library reads its address once."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub_url,
        "HF_HOME": str(home),
        "WRITING_MODELS__EMBEDDED__BASE": "ours/tiny",
        "WRITING_CONDITIONING": '{"depth_model": null, "segmentation_model": null}',
    }
    command = [sys.executable, "-m", "client", "models", "fetch", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


class TestFetching:
    def test_models_are_fetched_verified_and_then_there(self, hub: str, tmp_path: Path) -> None:
        done = fetch_models(hub, tmp_path)
        assert done.returncode == 0, done.stderr
        assert "as long as the hub says" in done.stdout
        (fetched,) = (tmp_path / "hub/models--ours--tiny/snapshots").iterdir()
        assert folder_faults(fetched) == []
        assert not list(fetched.rglob("samples.jpg")), "nothing that is not loaded"
        again = fetch_models(hub, tmp_path, "--dry-run")
        assert (again.returncode, "0 of 16 files to fetch" in again.stdout) == (0, True)

    def test_of_a_model_without_16_bit_files_the_others_are_fetched(
        self, hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As the workers load it; a part that has them is fetched in 16 bits."""
        monkeypatch.setenv("WRITING_MODELS__EMBEDDED__DTYPE", "float16")
        planned = fetch_models(hub, tmp_path, "--dry-run")
        assert "16 of 16 files to fetch" in planned.stdout, planned.stderr
        folder = Path(shutil.copytree(Hub.folder, tmp_path / "model"))
        unet = folder / "unet/diffusion_pytorch_model.safetensors"
        shutil.copy(unet, unet.with_name("diffusion_pytorch_model.fp16.safetensors"))
        monkeypatch.setattr(Hub, "folder", folder)
        assert fetch_models(hub, tmp_path).returncode == 0
        (fetched,) = (tmp_path / "hub/models--ours--tiny/snapshots").iterdir()
        weights = {path.parent.name: path.name for path in fetched.rglob("*.safetensors")}
        assert len(weights) == len([*fetched.rglob("*.safetensors")]) == 5
        assert weights.pop("unet") == "diffusion_pytorch_model.fp16.safetensors"
        assert not any("fp16" in name for name in weights.values())

    def test_a_hub_that_does_not_answer_is_an_error_that_says_what_to_do(self, tmp_path: Path) -> None:
        done = fetch_models(f"http://127.0.0.1:{free_port()}", tmp_path, "--dry-run")
        assert done.returncode == 1
        assert "models.embedded.base: ours/tiny cannot be had from the hub" in done.stderr
        assert "--to FOLDER" in done.stderr
        assert "Traceback" not in done.stderr
