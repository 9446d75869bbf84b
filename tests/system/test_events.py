"""Events, pages and metrics of a running service, as programs and browsers see them."""

import json
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.helpers import Api, eventually

Event = tuple[str | None, str, dict[str, Any]]


def told(api: Api, job_id: str, last: str | None = None) -> list[Event]:
    """Return a job's events until the stream ends, as (id, name, data)."""
    headers = {"Last-Event-ID": last} if last else {}
    url = f"{api.url}/api/writing/jobs/{job_id}/events"
    with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        blocks = answer.content.decode().split("\n\n")
    events = []
    for block in blocks:
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            events.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
    return events


def test_a_job_is_followed_to_its_end_and_what_was_missed_is_told_again(api: Api) -> None:
    job_id = api.submit(word="学习", translation="study", num_inference_steps=14).json()["job_id"]
    events = told(api, job_id)
    steps = [data["step"] for _, name, data in events if name == "progress"]
    assert steps == sorted(steps)
    assert steps[-1] == 14
    previews = [data["image"] for _, name, data in events if name == "preview"]
    assert len(set(previews)) >= 2
    assert all(image.startswith("data:image/jpeg;base64,") for image in previews)
    assert events[-1][1:] == ("end", {"status": "succeeded", "error": None})
    kept = [event for event in events if event[0]]
    middle = kept[len(kept) // 2][0]
    again = told(api, job_id, middle)
    assert [event[0] for event in again] == [event[0] for event in kept[len(kept) // 2 + 1 :]]


def test_who_waits_hears_its_place_and_its_cancellation(api: Api) -> None:
    before = [api.submit(word="学", num_inference_steps=30).json()["job_id"] for _ in range(6)]
    job_id = api.submit(word="学", priority="bulk").json()["job_id"]
    with requests.get(f"{api.url}/api/writing/jobs/{job_id}/events", stream=True, timeout=60) as answer:
        lines = answer.iter_lines(decode_unicode=True)
        assert next(line for line in lines if line.startswith("event:")) == "event: queue"
        assert json.loads(next(lines).removeprefix("data: "))["queue_position"] >= 1
        api.cancel(job_id)
        assert "event: end" in list(lines)
    for job in before:
        api.cancel(job)
    for job in before:
        api.finished(job)


def test_listening_to_nothing_is_told_as_any_error(api: Api) -> None:
    unknown = api.get("/api/writing/jobs/unknown/events")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "job_not_found")
    job_id = api.submit(word="学", num_inference_steps=1).json()["job_id"]
    wrong = api.get(f"/api/writing/jobs/{job_id}/events", headers={"Last-Event-ID": "yesterday"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "Last-Event-ID")


def test_a_word_s_meanings_are_told(api: Api) -> None:
    found = api.get("/api/writing/meaning", params={"word": " 学习 "}).json()
    assert found["word"] == "学习"
    assert "to learn" in found["meanings"]
    assert api.get("/api/writing/meaning", params={"word": "ђђ"}).json()["meanings"] == []
    wrong = api.get("/api/writing/meaning", params={"word": "😀"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unsupported_character")


def test_prometheus_reads_what_the_service_does(api: Api) -> None:
    api.draw(word="学", num_inference_steps=4)

    def samples() -> dict[str, float]:
        families = text_string_to_metric_families(api.get("/metrics").text)
        return {
            sample.name: sample.value for family in families for sample in family.samples if "le" not in sample.labels
        }

    found = eventually(lambda: taken if (taken := samples())["writing_job_seconds_count"] else None)
    assert found["writing_engine_steps_total"] >= 4
    assert found["writing_stage_seconds_sum"] > 0


def test_the_pages_come_with_a_strict_policy(api: Api) -> None:
    for path in ("/", "/admin"):
        answer = api.get(path)
        assert answer.status_code == 200
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert api.get("/static/app.js").headers["Content-Type"].startswith("text/javascript")
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/nope.js"):
        assert api.get(path).status_code == 404
