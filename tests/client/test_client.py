"""The client with misbehaving servers."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests

from local.stack import free_port
from tests.client.scripted import END, JOB, POST, RESULT, Answer, accepted, event, progress, refused, view
from writing_client import (
    GenerationRequest,
    JobCancelled,
    JobFailed,
    Picture,
    Preview,
    Unreachable,
    Update,
    WaitTimedOut,
    WritingClient,
    WritingError,
)
from writing_client.models import AIGenerationResult, JobStatus


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

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 3600),
            (format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), 0),
            ("9" * 400, 86_400),
            ("soon", None),
        ],
        ids=["in an hour", "an hour ago", "never", "soon"],
    )
    def test_an_intermediary_may_name_a_date_or_nonsense(
        self, scripted: Any, header: str, seconds: float | None
    ) -> None:
        server = scripted(submit=[refused(429, "queue_full", **{"Retry-After": header})])
        with WritingClient(server.url, retry_s=0) as client, pytest.raises(WritingError) as caught:
            client.submit("山")
        assert caught.value.retry_after_s == (seconds if seconds is None else pytest.approx(seconds, abs=300))

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
        with WritingClient(server.url, retry_s=0) as client, pytest.raises(WritingError, match="502") as caught:
            client.submit("山")
        assert caught.value.code == "unexpected_answer"

    def test_nobody_there_is_unreachable(self) -> None:
        with WritingClient(f"http://127.0.0.1:{free_port()}", retry_s=0) as client, pytest.raises(Unreachable):
            client.status()

    def test_address_and_key_come_from_the_environment(self, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        server = scripted(submit=[accepted()])
        monkeypatch.setenv("WRITING_URL", server.url + "/")
        monkeypatch.setenv("WRITING_API_KEY", "secret")
        with WritingClient() as client:
            client.submit("山", "mountain", seed=3)
        (headers,) = server.headers_of(f"POST {POST}")
        assert headers["Authorization"] == "Bearer secret"
        assert json.loads(server.seen[0][2]) == {"word": "山", "translation": "mountain", "seed": 3}

    def test_a_translation_goes_over_that_of_a_whole_request(self, scripted: Any) -> None:
        server = scripted(submit=[accepted()])
        request = GenerationRequest(word="长", translation="long", seed=1)
        with WritingClient(server.url) as client:
            client.submit(request)
            client.submit(request, "to grow", seed=2)
        assert [json.loads(body) for _, _, body in server.seen] == [
            {"word": "长", "translation": "long", "seed": 1},
            {"word": "长", "translation": "to grow", "seed": 2},
        ]

    def test_each_variation_has_its_own_picture(self, scripted: Any) -> None:
        links = {
            "success": True,
            "image_url": "/1.png",
            "conditioning_urls": {},
            "prompt_used": "p",
            "generation_metadata": {"seed": 6},
            "variations": [
                {"image": f"/{number}.png", "seed": 5 + number, "legibility": {}, "kept": number == 1}
                for number in range(3)
            ],
        }
        server = scripted(view=[view("succeeded", result=links)])
        server.script |= {
            f"GET /{number}.png": [Answer(200, str(number), {"Content-Type": "image/png"})] for number in range(3)
        }
        with WritingClient(server.url) as client:
            result = client.job("j").view().result
        assert isinstance(result, AIGenerationResult)
        picture = Picture(result)
        assert [picture.png, *(one.png for one in picture.variations)] == [b"1", b"0", b"1", b"2"]


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

    @pytest.mark.parametrize("callback", ["on_progress", "on_preview"])
    def test_an_error_of_a_callback_is_the_callers(self, scripted: Any, callback: str) -> None:
        """Even one of the same class as an error of the stream, which is resumed."""
        preview = event("preview", {"step": 1, "image": "data:image/jpeg;base64,aGk="}, "1-1")
        server = scripted(events=[Answer(200, progress(1) + preview + END)], view=[view("succeeded")])

        def fail(_: object) -> None:
            raise requests.ConnectionError("the caller's own service is down")

        with WritingClient(server.url) as client, pytest.raises(requests.ConnectionError, match="own service"):
            client.job("j").wait(**{callback: fail})

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

    def test_waiting_again_after_a_timeout_goes_on_from_the_last_event(self, scripted: Any) -> None:
        server = scripted(
            events=[Answer(200, progress(1), is_cut=True), Answer(200, progress(2) + END)], view=[view("succeeded")]
        )
        steps: list[int] = []
        with WritingClient(server.url) as client:
            job = client.job("j")
            with pytest.raises(WaitTimedOut):
                job.wait(lambda update: steps.append(update.step), timeout_s=0.2)
            job.wait(lambda update: steps.append(update.step))
        assert server.headers_of(f"GET {JOB}/events")[1]["Last-Event-ID"] == "1-0"
        assert steps == [1, 1, 2], "the second call begins with what is known"

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

    @pytest.mark.parametrize(
        "damaged",
        [
            "event: progress\ndata: <html>\n\n",
            event("progress", ["running"]),
            event("progress", {"status": "an unknown one", "stage": "", "step": 1, "total_steps": 9}),
            event("queue", {}),
            event("preview", {"step": 1, "image": "data:image/jpeg;base64,a"}),
            event("preview", None),
        ],
    )
    def test_after_an_event_that_cannot_be_read_the_job_is_polled(self, scripted: Any, damaged: str) -> None:
        server = scripted(events=[Answer(200, progress(1) + damaged)], view=[view("succeeded")])
        with WritingClient(server.url) as client:
            result = client.job("j").wait()
        assert result.generation_metadata["seed"] == 5
        assert len(server.headers_of(f"GET {JOB}/events")) == 1

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
        with WritingClient(server.url) as client, pytest.raises(WaitTimedOut, match="is cancelled"):
            client.generate("山", timeout_s=0.3)
        assert len(server.headers_of(f"DELETE {JOB}")) == 1

    def test_who_gives_a_job_up_does_not_wait_for_a_service_that_is_away(self, scripted: Any) -> None:
        """It is asked once; otherwise Ctrl-C would take a minute."""
        away = refused(503, "queue_unavailable")
        server = scripted(submit=[accepted()], events=[away], view=[view("running")], cancel=[away, view("cancelled")])
        with WritingClient(server.url) as client, pytest.raises(WaitTimedOut):
            client.generate("山", timeout_s=0.1)
        assert len(server.headers_of(f"DELETE {JOB}")) == 1

    def test_a_wait_that_takes_too_long_leaves_a_submitted_job(self, scripted: Any) -> None:
        server = scripted(events=[refused(404, "not_found")], view=[view("running")])
        with WritingClient(server.url) as client, pytest.raises(WaitTimedOut, match="continues"):
            client.job("j").wait(timeout_s=0.3)
        assert server.headers_of(f"DELETE {JOB}") == []

    def test_what_a_newer_service_says_besides_is_ignored(self, scripted: Any) -> None:
        server = scripted(view=[view("succeeded", news=1, result={**RESULT, "more": 2})])
        with WritingClient(server.url) as client:
            assert client.job("j").view().result is not None
