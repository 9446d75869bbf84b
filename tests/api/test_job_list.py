"""A caller's own jobs, and many words in one call."""

from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from shared.settings import Settings
from tests.api.clients import ALICE, BOB, client_of

JOBS, BATCHES = "/api/writing/jobs", "/api/writing/batches"


def submit(client: FlaskClient, word: str, headers: dict[str, str] | None = None, **request: Any) -> str:
    answer = client.post("/api/writing/generate-writing-image", json={"word": word, **request}, headers=headers)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.get_json()["job_id"]
    return job_id


def listed(client: FlaskClient, query: str = "", headers: dict[str, str] | None = None) -> tuple[list[str], str | None]:
    answer = client.get(f"{JOBS}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    document = answer.get_json()
    return [job["job_id"] for job in document["jobs"]], document["next_cursor"]


class TestList:
    def test_pages_lead_from_the_newest_to_the_oldest(self, anyone: FlaskClient) -> None:
        sent = [submit(anyone, word) for word in "山水火月日"]
        found, pages, cursor = [], 0, ""
        while cursor is not None:
            jobs, cursor = listed(anyone, f"limit=2&cursor={cursor}" if cursor else "limit=2")
            found += jobs
            pages += 1
        assert (found, pages) == (sent[::-1], 3)
        assert listed(anyone, "limit=5") == (sent[::-1], None)

    def test_new_jobs_do_not_shift_the_pages(self, anyone: FlaskClient) -> None:
        first, second, third = (submit(anyone, word) for word in "山水火")
        page, cursor = listed(anyone, "limit=1")
        submit(anyone, "月")
        assert page == [third]
        assert listed(anyone, f"cursor={cursor}") == ([second, first], None)

    def test_a_job_is_shown_with_what_was_asked_for(self, anyone: FlaskClient) -> None:
        job_id = submit(anyone, "长", translation="long", style="neon", priority="bulk")
        (job,) = anyone.get(JOBS).get_json()["jobs"]
        assert (job["word"], job["translation"], job["style"], job["priority"]) == ("长", "long", "neon", "bulk")
        assert (job["status"], job["image_url"], job["status_url"]) == ("queued", None, f"{JOBS}/{job_id}")

    def test_a_status_filters(self, anyone: FlaskClient) -> None:
        kept, cancelled = submit(anyone, "山"), submit(anyone, "水")
        anyone.delete(f"{JOBS}/{cancelled}")
        assert listed(anyone, "status=queued") == ([kept], None)
        assert listed(anyone, "status=cancelled") == ([cancelled], None)
        assert listed(anyone, "status=failed") == ([], None)

    def test_each_caller_sees_its_own(self, guarded: FlaskClient) -> None:
        of_alice, of_bob = submit(guarded, "山", ALICE), submit(guarded, "水", BOB)
        assert listed(guarded, headers=ALICE) == ([of_alice], None)
        assert listed(guarded, headers=BOB) == ([of_bob], None)

    def test_records_that_are_gone_are_forgotten(self, anyone: FlaskClient, client: redis.Redis) -> None:
        gone, kept = submit(anyone, "山"), submit(anyone, "水")
        client.delete(f"writing:job:{gone}")
        assert listed(anyone) == ([kept], None)
        assert client.zrange("writing:jobs:", 0, -1) == [kept]
        client.delete(f"writing:job:{kept}")
        newest = submit(anyone, "火")
        assert client.zrange("writing:jobs:", 0, -1) == [newest], "a new job removes expired entries, too"

    def test_a_list_holds_the_newest_hundred_thousand(self, anyone: FlaskClient, client: redis.Redis) -> None:
        client.zadd("writing:jobs:", {f"older-{number}": -number for number in range(100_010)})
        newest = submit(anyone, "山")
        assert client.zcard("writing:jobs:") == 100_000
        assert client.zrange("writing:jobs:", -2, -1) == ["older-0", newest]

    def test_a_record_of_another_version_is_passed_over(self, anyone: FlaskClient, client: redis.Redis) -> None:
        strange, kept = submit(anyone, "山"), submit(anyone, "水")
        client.hset(f"writing:job:{strange}", "status", "dreaming")
        assert listed(anyone) == ([kept], None)

    def test_the_list_lives_as_long_as_the_records(self, settings: Settings, client: redis.Redis) -> None:
        anyone = client_of(settings)
        job_id = submit(anyone, "山")
        assert client.ttl("writing:jobs:") == -1
        anyone.delete(f"{JOBS}/{job_id}")
        assert client.ttl("writing:jobs:") == settings.queue.record_ttl_s > client.ttl(f"writing:job:{job_id}") > 0
        submit(anyone, "水")
        assert client.ttl("writing:jobs:") == -1

    @pytest.mark.parametrize("cursor", ["", "1", "x", "1-0000000000000000", "9" * 30, "../", "1-é"])
    def test_a_cursor_of_nobody_is_refused(self, anyone: FlaskClient, cursor: str) -> None:
        answer = anyone.get(JOBS, query_string={"cursor": cursor})
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_cursor")
        assert answer.get_json()["field"] == "cursor"

    def test_another_caller_s_cursor_is_refused(self, guarded: FlaskClient) -> None:
        for word in "山水":
            submit(guarded, word, ALICE)
        _, cursor = listed(guarded, "limit=1", ALICE)
        assert guarded.get(f"{JOBS}?cursor={cursor}", headers=BOB).get_json()["code"] == "invalid_cursor"

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "status=done"])
    def test_what_cannot_be_asked_is_refused_with_its_field(self, anyone: FlaskClient, query: str) -> None:
        answer = anyone.get(f"{JOBS}?{query}")
        assert (answer.status_code, answer.get_json()["field"]) == (422, query.partition("=")[0])


class TestBatch:
    def test_each_request_is_accepted_or_refused_by_itself(self, anyone: FlaskClient) -> None:
        requests: list[Any] = [
            {"word": "山"}, {"word": "😀"}, {"word": "水", "style": "cubist"}, {"wrod": "火"}, 7,
            {"word": "月", "width": 100, "seed": -1}, {"word": "日", "priority": "bulk"},
        ]  # fmt: skip
        answer = anyone.post(BATCHES, json={"requests": requests}).get_json()
        assert (answer["accepted"], answer["refused"]) == (2, 5)
        items = answer["items"]
        assert [item["index"] for item in items] == list(range(7))
        assert [item["status"] for item in items] == [202, 422, 422, 422, 422, 422, 202]
        codes = [item["problem"]["code"] for item in items if item["problem"]]
        assert codes == ["unsupported_character", "unknown_style", "missing_field", "wrong_type", "out_of_range"]
        assert [error["field"] for error in items[5]["problem"]["errors"]] == ["width", "seed"]
        for item in (items[0], items[6]):
            assert anyone.get(item["job"]["status_url"]).get_json()["status"] == "queued"

    def test_repeated_with_its_key_it_makes_nothing_twice_and_tries_the_refused_again(self, settings: Settings) -> None:
        small = client_of(settings.model_copy(update={"queue": settings.queue.model_copy(update={"limit": 2})}))
        body, headers = {"requests": [{"word": word} for word in "山水火"]}, {"Idempotency-Key": "today"}
        first = small.post(BATCHES, json=body, headers=headers).get_json()["items"]
        assert [item["status"] for item in first] == [202, 202, 429]
        assert first[2]["retry_after_s"] >= 1
        small.delete(first[0]["job"]["status_url"])
        again = small.post(BATCHES, json=body, headers=headers).get_json()["items"]
        assert [item["job"]["job_id"] for item in again[:2]] == [item["job"]["job_id"] for item in first[:2]]
        assert [item["job"]["status"] for item in again] == ["cancelled", "queued", "queued"]
        assert len(listed(small)[0]) == 3
        body["requests"][0] = {"word": "月"}
        changed = small.post(BATCHES, json=body, headers=headers).get_json()["items"]
        assert changed[0]["problem"]["code"] == "idempotency_conflict"

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            ({"requests": []}, "too_short", "requests"),
            ({"requests": [{"word": "山"}] * 101}, "too_long", "requests"),
            ({}, "missing_field", "requests"),
            ({"requests": {"word": "山"}}, "wrong_type", "requests"),
            ([], "malformed_json", None),
        ],
    )
    def test_what_is_no_batch_is_refused_as_a_whole(
        self, anyone: FlaskClient, body: Any, code: str, field: str | None
    ) -> None:
        answer = anyone.post(BATCHES, json=body)
        assert (answer.status_code, answer.get_json()["code"], answer.get_json().get("field")) == (422, code, field)

    def test_a_key_that_is_none_is_refused_once(self, anyone: FlaskClient) -> None:
        answer = anyone.post(BATCHES, json={"requests": [{"word": "山"}]}, headers={"Idempotency-Key": "x" * 256})
        assert (answer.status_code, answer.get_json()["field"]) == (422, "Idempotency-Key")

    def test_every_request_counts_against_the_rate(self, settings: Settings) -> None:
        limited = client_of(settings, rate_limit="3/minute")
        answer = limited.post(BATCHES, json={"requests": [{"word": word} for word in "山水火月日"]})
        assert [item["status"] for item in answer.get_json()["items"]] == [202, 202, 202, 429, 429]
        assert answer.headers["X-RateLimit-Remaining"] == "0"

    def test_bulk_jobs_take_no_place_from_interactive_ones(self, settings: Settings) -> None:
        queue = settings.queue.model_copy(update={"limit": 1, "bulk_limit": 2})
        small = client_of(settings.model_copy(update={"queue": queue}))
        requests = [{"word": word, "priority": "bulk"} for word in "山水火"] + [{"word": "月"}, {"word": "日"}]
        items = small.post(BATCHES, json={"requests": requests}).get_json()["items"]
        assert [item["status"] for item in items] == [202, 202, 429, 202, 429]
