"""Decks with the real application and a real Redis, without a worker."""

import gzip
import io
import json
import time
import zipfile
from typing import Any

import pytest
import redis
from celery import Celery
from flask.testing import FlaskClient
from kombu.exceptions import OperationalError
from werkzeug.test import TestResponse

from api.services import Services
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.settings import Settings
from tests.api.clients import ALICE, BOB, KEYS, OPERATOR, client_of
from tests.api.drawn_jobs import draw
from tests.helpers import taken

DECKS, SUBMIT = "/api/writing/decks", "/api/writing/generate-writing-image"
CSV = {"Content-Type": "text/csv"}


def make(client: FlaskClient, words: Any, headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
    return client.post(DECKS, json={"words": words, **fields}, headers=headers)


def made(client: FlaskClient, words: Any, headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a new deck as polled."""
    answer = make(client, words, headers, **fields)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == answer.get_json()["status_url"]
    deck: dict[str, Any] = client.get(answer.headers["Location"], headers=headers).get_json()
    return deck


def problem(answer: TestResponse) -> tuple[int, str, str | None]:
    document = answer.get_json()
    return answer.status_code, document["code"], document.get("field")


class TestMake:
    def test_its_jobs_wait_in_the_bulk_queue_in_the_order_of_its_words(
        self, anyone: FlaskClient, client: redis.Redis
    ) -> None:
        deck = made(anyone, ["山", "水", "火"], name="Lesson 7", style="neon", seed=7)
        jobs = [word["job_id"] for word in deck["words"]]
        assert client.zrange("writing:waiting:bulk", 0, -1) == jobs
        assert (deck["name"], deck["total"], deck["is_finished"]) == ("Lesson 7", 3, False)
        assert deck["counts"] == {
            "queued": 3, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "refused": 0
        }  # fmt: skip
        request = json.loads(client.hget(f"writing:job:{jobs[0]}", "request") or "")
        assert request == {
            "word": "山", "style": "neon", "seed": 7, "priority": "bulk", "include_conditioning": False
        }  # fmt: skip
        assert {job["deck_id"] for job in anyone.get("/api/writing/jobs").get_json()["jobs"]} == {deck["deck_id"]}

    def test_words_have_their_reading_and_meaning_from_the_list_or_the_lexicon(self, anyone: FlaskClient) -> None:
        deck = made(
            anyone,
            [
                "学习", {"word": "长"}, {"word": "长", "reading": "zhang3"}, {"word": "山", "reading": "やま"},
                {"word": "山", "translation": "a hill"}, {"word": "Haus", "translation": "house"},
            ],
        )  # fmt: skip
        assert [(word["reading"], word["meaning"]) for word in deck["words"]] == [
            ("xuéxí", "to learn"), ("cháng", "long"), ("zhang3", "to grow"), ("やま", "mountain"),
            ("やま", "a hill"), ("", "house"),
        ]  # fmt: skip

    def test_a_word_s_own_style_and_imagery_go_before_the_deck_s(
        self, anyone: FlaskClient, client: redis.Redis
    ) -> None:
        words = ["山", {"word": "水", "style": "oil", "imagery": ["owl"]}, {"word": "火", "imagery": "none"}]
        deck = made(anyone, words, style="neon", imagery=["books"])
        requests = [json.loads(client.hget(f"writing:job:{word['job_id']}", "request") or "") for word in deck["words"]]
        assert [(request["style"], request["imagery"]) for request in requests] == [
            ("neon", ["books"]), ("oil", ["owl"]), ("neon", "none")
        ]  # fmt: skip

    def test_what_cannot_be_drawn_is_named_and_the_rest_is_made(self, anyone: FlaskClient) -> None:
        words = ["山", "😀", {"word": "水", "style": "cubist"}, {"wrod": "火"}, 7, {"word": "qwx"}, "十" * 13, "月"]
        answer = make(anyone, words).get_json()
        assert (answer["accepted"], answer["refused"]) == (2, 6)
        deck = anyone.get(answer["status_url"]).get_json()
        refused = {word["index"]: word["error"] for word in deck["words"] if word["status"] == "refused"}
        assert {index: error["code"] for index, error in refused.items()} == {
            1: "unsupported_character", 2: "unknown_style", 3: "missing_field", 4: "wrong_type",
            5: "translation_required", 6: "invalid_word",
        }  # fmt: skip
        assert (deck["words"][1]["word"], refused[1]["field"]) == ("😀", "word")
        assert deck["counts"]["refused"] == 6

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ({"words": []}, (422, "too_short", "words")),
            ({"words": ["山"] * 501}, (422, "too_long", "words")),
            ({}, (422, "missing_field", "words")),
            ({"words": "山"}, (422, "wrong_type", "words")),
            ({"words": ["😀", "qwx"]}, (422, "no_drawable_word", "words")),
            ({"words": ["山", "水"], "style": "cubist"}, (422, "unknown_style", "style")),
            ({"words": ["山", "水"], "imagery": ["nothing-of-this"]}, (422, "unknown_imagery", "imagery")),
            ({"words": ["山"], "width": 100}, (422, "out_of_range", "width")),
            ({"words": ["山"], "priority": "bulk"}, (422, "unknown_field", "priority")),
            ({"words": ["山"], "variations": 2}, (422, "unknown_field", "variations")),
            ({"words": ["山"], "name": "a\nb"}, (422, "invalid_text", "name")),
            ({"words": ["山"], "name": " "}, (422, "too_short", "name")),
            ({"words": ["山"], "name": "\u0958" * 51}, (422, "too_long", "name")),
            (["山"], (422, "malformed_json", None)),
        ],
    )
    def test_what_is_no_deck_is_refused_with_its_field(
        self, anyone: FlaskClient, body: Any, found: tuple[int, str, str | None], client: redis.Redis
    ) -> None:
        assert problem(anyone.post(DECKS, json=body)) == found
        assert client.zcard("writing:waiting:bulk") == 0

    def test_its_webhook_is_of_the_deck_and_not_of_its_jobs(self, settings: Settings, client: redis.Redis) -> None:
        webhooks = settings.webhooks.model_copy(update={"allowed_hosts": ("learn.example",)})
        notified = client_of(settings.model_copy(update={"webhooks": webhooks}))
        url, headers = "https://learn.example/hook", {"Idempotency-Key": "k"}
        deck = made(notified, ["山"], headers, webhook_url=url)
        assert client.hget(f"writing:deck:{deck['deck_id']}", "webhook_url") == url
        assert "webhook_url" not in (client.hget(f"writing:job:{deck['words'][0]['job_id']}", "request") or "")
        assert problem(make(notified, ["山"], headers)) == (409, "idempotency_conflict", "Idempotency-Key")
        assert made(notified, ["山"], headers, webhook_url=url)["deck_id"] == deck["deck_id"]
        other = make(notified, ["山"], webhook_url="https://other.example/")
        assert problem(other) == (422, "webhook_not_allowed", "webhook_url")
        of_csv = notified.post(f"{DECKS}?options={json.dumps({'webhook_url': url})}", data="山\n水", headers=CSV)
        assert client.hget(f"writing:deck:{of_csv.get_json()['deck_id']}", "webhook_url") == url
        notified.delete(f"{DECKS}/{deck['deck_id']}")
        assert client.zrange("writing:webhooks:learn.example", 0, -1) == [f"deck:{deck['deck_id']}"]

    def test_five_hundred_words_are_a_deck(self, anyone: FlaskClient, client: redis.Redis) -> None:
        assert made(anyone, ["山"] * 500)["counts"]["queued"] == 500
        assert client.llen("bulk") == 500, "each has its message"

    def test_a_repeated_key_returns_the_first_deck(self, anyone: FlaskClient, client: redis.Redis) -> None:
        headers = {"Idempotency-Key": "lesson"}
        first, again = (make(anyone, ["山", "😀"], headers).get_json() for _ in range(2))
        assert first == again
        assert client.zcard("writing:waiting:bulk") == 1
        assert problem(make(anyone, ["水"], headers)) == (409, "idempotency_conflict", "Idempotency-Key")
        assert anyone.post(
            "/api/writing/generate-writing-image", json={"word": "山"}, headers=headers
        ).status_code == 202, "a job's Idempotency-Keys are separate"  # fmt: skip

    @pytest.mark.parametrize(
        ("words", "fields"),
        [
            (["学习", "山", "😀"], {"style": "comic"}),
            ([{"word": "学习"}, {"word": "山", "translation": "", "style": None}, "😀"], {"name": "Words"}),
            (["学习", {"word": "山", "style": "comic"}, "😀"], {"imagery": "auto", "seed": None, "quality": "exact"}),
        ],
    )
    def test_an_equivalent_list_is_the_same(
        self, anyone: FlaskClient, words: list[Any], fields: dict[str, Any]
    ) -> None:
        headers = {"Idempotency-Key": "lesson"}
        first = make(anyone, ["学习", "山", "😀"], headers).get_json()
        assert make(anyone, words, headers, **fields).get_json() == first

    @pytest.mark.parametrize(
        ("words", "fields"),
        [
            (["学习", "山"], {}), (["山", "学习", "😀"], {}), (["学习", "山", "🙂"], {}),
            (["学习", "山", "😀"], {"style": "neon"}), (["学习", "山", "😀"], {"name": "Lesson"}),
            (["学习", {"word": "山", "reading": "やま"}, "😀"], {}),
            (["学习", {"word": "山", "style": "no"}, "😀"], {}),
        ],
    )  # fmt: skip
    def test_another_list_is_another(self, anyone: FlaskClient, words: list[Any], fields: dict[str, Any]) -> None:
        headers = {"Idempotency-Key": "lesson"}
        assert make(anyone, ["学习", "山", "😀"], headers).status_code == 202
        assert problem(make(anyone, words, headers, **fields))[:2] == (409, "idempotency_conflict")

    def test_a_queue_without_room_for_all_takes_none(self, settings: Settings, client: redis.Redis) -> None:
        queue = settings.queue.model_copy(update={"bulk_limit": 3})
        small = client_of(settings.model_copy(update={"queue": queue}))
        assert make(small, ["山", "水"]).status_code == 202
        full = make(small, ["火", "月"])
        assert problem(full) == (429, "queue_full", None)
        assert int(full.headers["Retry-After"]) >= 1
        assert client.zcard("writing:waiting:bulk") == 2
        assert problem(make(small, ["火"] * 4)) == (422, "deck_too_large", "words")

    def test_messages_that_cannot_be_sent_do_not_delay_the_answer(
        self, anyone: FlaskClient, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Redis stops answering after the deck was recorded, so each message would wait for a timeout."""
        tried: list[str] = []

        def send(_app: Celery, job_id: str, _queue: str, **_options: object) -> None:
            tried.append(job_id)
            raise OperationalError

        monkeypatch.setattr("api.jobs.send_job", send)
        deck = made(anyone, ["山", "水", "火"])
        assert tried == [deck["words"][0]["job_id"]]
        assert client.zcard("writing:waiting:bulk") == 3, "the reconciler sends the messages"

    def test_a_deck_that_could_never_be_kept_whole_is_refused(self, settings: Settings) -> None:
        results = settings.results.model_copy(update={"budget_bytes": 4_000_000})
        small = client_of(settings.model_copy(update={"results": results}))
        assert problem(make(small, ["山"] * 50)) == (422, "deck_too_large", "words")
        assert make(small, ["山"] * 5).status_code == 202

    def test_each_word_has_its_reason_where_none_can_be_drawn(self, anyone: FlaskClient) -> None:
        errors = make(anyone, ["😀", "qwx"]).get_json()["errors"]
        assert [(error["field"], error["code"]) for error in errors] == [
            ("words.0", "unsupported_character"), ("words.1", "translation_required")
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("words", "fields"),
        [
            ([{"word": "山", "style": "cubist"}], {}),
            ([{"word": "山", "style": "cubist"}, {"word": "水", "style": "cubism"}], {"style": "neon"}),
            (["山", {"word": "水", "style": "cubism"}], {"style": "cubist"}),
        ],
    )
    def test_a_word_s_own_option_is_no_fault_of_the_deck(
        self, anyone: FlaskClient, words: list[Any], fields: dict[str, str]
    ) -> None:
        answer = make(anyone, words, **fields)
        assert problem(answer) == (422, "no_drawable_word", "words")
        assert [(error["field"], error["code"]) for error in answer.get_json()["errors"]] == [
            (f"words.{index}", "unknown_style") for index in range(len(words))
        ]

    @pytest.mark.parametrize("name", ["café", "cafe\u0301", " café\n"])
    def test_a_name_has_one_form(self, anyone: FlaskClient, name: str) -> None:
        """Anki takes a composed and a decomposed name for two decks."""
        assert made(anyone, ["山"], name=name)["name"] == "café"


class TestCsv:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
    def test_any_encoding_separator_and_heading(self, anyone: FlaskClient, encoding: str) -> None:
        content = "汉字;拼音;意思\n学习;xuéxí;to study\n朋友;péngyou;friend\n;;nothing\n".encode(encoding)
        answer = anyone.post(f"{DECKS}?name=Mine&style=neon", data=content, headers=CSV).get_json()
        assert (answer["accepted"], answer["refused"]) == (2, 1)
        assert "semicolon" in answer["read_as"]
        deck = anyone.get(answer["status_url"]).get_json()
        assert deck["name"] == "Mine"
        assert [(word["line"], word["word"], word["reading"], word["meaning"]) for word in deck["words"]] == [
            (2, "学习", "xuéxí", "to study"), (3, "朋友", "péngyou", "friend"), (4, "", "", "")
        ]  # fmt: skip
        assert deck["words"][2]["error"]["code"] == "bad_line"

    @pytest.mark.parametrize(
        "query",
        [
            {"options": '{"seed": 7, "quality": "fast"}', "style": "oil"},
            {"options": '{"seed": 7, "quality": "fast", "style": "oil"}'},
        ],
    )
    def test_options_are_those_of_json(self, anyone: FlaskClient, client: redis.Redis, query: dict[str, str]) -> None:
        answer = anyone.post(DECKS, query_string=query, data="山\n".encode(), headers=CSV)
        (job,) = [word["job_id"] for word in anyone.get(answer.headers["Location"]).get_json()["words"]]
        request = json.loads(client.hget(f"writing:job:{job}", "request") or "")
        assert (request["seed"], request["quality"], request["style"]) == (7, "fast", "oil")

    @pytest.mark.parametrize(
        ("query", "content", "found"),
        [
            ("", b"", (422, "too_short", "words")),
            ("", "山\n".encode() * 501, (422, "too_long", "words")),
            ("", "字,word\n".encode() * 100_000, (422, "too_long", "words")),
            ("", b"PK\x03\x04", (422, "unreadable_list", None)),
            ("", b"\x81\xff\xfe,Chinese", (422, "unreadable_list", "encoding")),
            ("", "学校,학교\n".encode(), (422, "unreadable_list", "columns")),
            ("columns=word,word", "山\n".encode(), (422, "unreadable_list", "columns")),
            ("encoding=klingon", "山\n".encode(), (422, "unreadable_list", "encoding")),
            ("options=7", "山\n".encode(), (422, "malformed_json", "options")),
            ("options={", "山\n".encode(), (422, "malformed_json", "options")),
            ('options={"seed":-1}', "山\n".encode(), (422, "out_of_range", "seed")),
            ('options={"words":[]}', "山\n".encode(), (422, "malformed_json", "options")),
            ("style=cubist", "山\n".encode(), (422, "unknown_style", "style")),
        ],
    )
    def test_what_is_no_list_is_refused_with_its_field(
        self, anyone: FlaskClient, query: str, content: bytes, found: tuple[int, str, str | None]
    ) -> None:
        lines = {b"\xe5\xb1\xb1\n" * 501: "".join(f"山,hill {number}\n" for number in range(501)).encode()}
        assert problem(anyone.post(f"{DECKS}?{query}", data=lines.get(content, content), headers=CSV)) == found

    def test_an_option_is_given_once(self, anyone: FlaskClient) -> None:
        query = {"name": "Lesson", "options": '{"name": "Another"}'}
        answer = anyone.post(DECKS, query_string=query, data="山\n".encode(), headers=CSV)
        assert problem(answer) == (422, "invalid_value", "name")

    def test_a_compressed_body_is_refused_as_such(self, anyone: FlaskClient) -> None:
        packed = gzip.compress("山\n".encode())
        for headers in (CSV, {"Content-Type": "application/json"}):
            answer = anyone.post(DECKS, data=packed, headers=headers | {"Content-Encoding": "gzip"})
            assert problem(answer) == (415, "unsupported_media_type", None)
            assert "uncompressed" in answer.get_json()["detail"]

    @pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data; boundary=x", ""])
    def test_what_a_form_of_another_origin_can_send_is_refused(self, anyone: FlaskClient, media_type: str) -> None:
        answer = anyone.post(DECKS, data="山\n".encode(), headers={"Content-Type": media_type} if media_type else {})
        assert problem(answer) == (415, "unsupported_media_type", None)

    def test_a_list_may_be_larger_than_a_request_but_not_without_end(self, settings: Settings) -> None:
        small = client_of(settings, max_list_bytes=100_000)
        long = "山,hill\n".encode() + b"\n" * 70_000
        assert 65_536 < len(long) < 100_000
        assert small.post(DECKS, data=long, headers=CSV).status_code == 202
        assert problem(small.post(DECKS, data=long * 2, headers=CSV)) == (413, "body_too_large", None)
        alone = small.post("/api/writing/generate-writing-image", json={"word": "山", "translation": "x" * 70_000})
        assert problem(alone) == (413, "body_too_large", None)


class TestStanding:
    def test_counts_alone_are_light_and_both_have_an_etag(self, anyone: FlaskClient) -> None:
        deck = made(anyone, ["山", "水"])
        address = f"{DECKS}/{deck['deck_id']}"
        light = anyone.get(f"{address}?words=false")
        assert (light.get_json()["words"], light.get_json()["counts"]) == ([], deck["counts"])
        assert anyone.get(address, headers={"If-None-Match": anyone.get(address).headers["ETag"]}).status_code == 304

    def test_its_files_wait_until_it_is_finished(self, anyone: FlaskClient) -> None:
        deck = made(anyone, ["山", "水"])
        for address in (deck["zip_url"], deck["apkg_url"]):
            answer = anyone.get(address)
            assert problem(answer) == (409, "deck_not_finished", None)
            assert int(answer.headers["Retry-After"]) >= 1

    def test_cancelled_it_is_finished_without_pictures(self, anyone: FlaskClient, client: redis.Redis) -> None:
        deck = made(anyone, ["山", "水", "😀"])
        cancelled = anyone.delete(f"{DECKS}/{deck['deck_id']}").get_json()
        assert cancelled["is_finished"]
        assert cancelled["counts"] == deck["counts"] | {"queued": 0, "cancelled": 2}
        assert client.zcard("writing:waiting:bulk") == 0
        assert anyone.delete(f"{DECKS}/{deck['deck_id']}").get_json() == cancelled, "safe to repeat"
        assert problem(anyone.get(deck["zip_url"])) == (409, "deck_without_pictures", None)

    def test_it_is_kept_as_long_as_the_job_that_ends_last(
        self, anyone: FlaskClient, client: redis.Redis, settings: Settings
    ) -> None:
        deck = made(anyone, ["山", "水"])
        key = f"writing:deck:{deck['deck_id']}"
        assert client.ttl(key) == -1
        leases = Leases(client, JobStore(client, settings.queue), settings.queue, "w")
        assert leases.confirm_cancelled(taken(leases, deck["words"][0]["job_id"]))
        assert client.ttl(key) == settings.queue.record_ttl_s
        client.expire(key, 5)
        anyone.delete(deck["words"][1]["status_url"])
        assert client.ttl(key) == settings.queue.record_ttl_s
        client.delete(f"writing:job:{deck['words'][0]['job_id']}")
        word = anyone.get(f"{DECKS}/{deck['deck_id']}").get_json()["words"][0]
        assert (word["status"], word["error"]["code"]) == ("failed", "job_not_found")

    def test_cancelled_before_it_started_it_is_kept_for_an_hour(self, anyone: FlaskClient, client: redis.Redis) -> None:
        deck = made(anyone, ["山", "水"])
        key = f"writing:deck:{deck['deck_id']}"
        first, second = (word["status_url"] for word in deck["words"])
        anyone.delete(first)
        assert client.ttl(key) > 3600, "its other job waits"
        anyone.delete(second)
        kept = [key, *(f"writing:job:{word['job_id']}" for word in deck["words"])]
        assert all(3500 < client.ttl(one) <= 3600 for one in kept)

    def test_cancelled_words_of_a_deck_that_started_are_kept_with_it(
        self, anyone: FlaskClient, client: redis.Redis, settings: Settings
    ) -> None:
        deck = made(anyone, ["山", "水", "火"])
        leases = Leases(client, JobStore(client, settings.queue), settings.queue, "w")
        first, second, _ = (word["job_id"] for word in deck["words"])
        anyone.delete(f"/api/writing/jobs/{second}")
        assert leases.confirm_cancelled(taken(leases, first))
        anyone.delete(f"{DECKS}/{deck['deck_id']}")
        kept = [f"writing:deck:{deck['deck_id']}", *(f"writing:job:{word['job_id']}" for word in deck["words"])]
        assert all(client.ttl(one) > 3600 for one in kept)

    def test_who_has_cancelled_too_many_words_has_to_wait_until_they_expire(
        self, settings: Settings, client: redis.Redis
    ) -> None:
        """Each keeps a record for an hour, and costs no work. A refused word of such a deck counts, too."""
        queue = settings.queue.model_copy(update={"cancelled_limit": 3})
        strict = client_of(settings.model_copy(update={"queue": queue}), keys=KEYS)
        deck = made(strict, ["山", "水", "😀"], ALICE)
        assert make(strict, ["山"], ALICE).status_code == 202, "waiting words do not count"
        strict.delete(f"{DECKS}/{deck['deck_id']}", headers=ALICE)
        refused = make(strict, ["火"], ALICE | {"Idempotency-Key": "k"})
        assert problem(refused) == (429, "too_many_cancelled", None)
        assert 3500 < int(refused.headers["Retry-After"]) <= 3600
        assert strict.post(SUBMIT, json={"word": "火"}, headers=ALICE).get_json()["code"] == "too_many_cancelled"
        assert make(strict, ["火"], BOB).status_code == 202
        assert client.ttl("writing:cancelled:alice") > 0
        counted = client.zrange("writing:cancelled:alice", 0, -1, withscores=True)
        assert max(expiry for _, expiry in counted) <= time.time() + 3600
        oldest = counted[0][0]
        client.zadd("writing:cancelled:alice", {oldest: 1})
        again = make(strict, ["火"], ALICE | {"Idempotency-Key": "k"})
        assert again.status_code == 202
        strict.delete(again.headers["Location"], headers=ALICE)
        assert client.zscore("writing:cancelled:alice", oldest) is None, "what no longer counts is forgotten"

    def test_a_worker_s_failure_is_told_of_its_word(
        self, anyone: FlaskClient, client: redis.Redis, settings: Settings
    ) -> None:
        deck = made(anyone, ["山"])
        leases = Leases(client, JobStore(client, settings.queue), settings.queue, "w")
        for _ in range(settings.queue.max_deaths):
            assert leases.take(deck["words"][0]["job_id"])
            leases.reap("w", leases.beats()["w"])
        (word,) = anyone.get(f"{DECKS}/{deck['deck_id']}").get_json()["words"]
        assert (word["status"], word["error"]["code"]) == ("failed", "poisoned")

    def test_to_other_keys_a_deck_does_not_exist(self, settings: Settings) -> None:
        guarded = client_of(settings, keys=KEYS, operators=("op",))
        deck = made(guarded, ["山"], ALICE)
        address = f"{DECKS}/{deck['deck_id']}"
        none = f"{DECKS}/00000000-0000-0000-0000-000000000000"
        for suffix in ("", ".zip", ".apkg"):
            of_alice, of_nobody = (guarded.get(path + suffix, headers=BOB) for path in (address, none))
            assert problem(of_alice) == problem(of_nobody) == (404, "deck_not_found", None)
        assert guarded.delete(address, headers=BOB).status_code == 404
        assert guarded.get(address, headers=ALICE).get_json()["counts"]["queued"] == 1
        assert guarded.delete(address, headers=OPERATOR).get_json()["counts"]["cancelled"] == 1


def test_an_api_that_dies_before_a_message_is_sent_leaves_a_whole_deck(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script has created all records, and the reconciler sends the messages of jobs that wait without one."""
    dying = client_of(settings)
    services: Services = dying.application.extensions["writing"]

    class Killed(BaseException):
        """Stands for SIGKILL, as far as a process can imitate it."""

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(services.jobs, "send", die)
    with pytest.raises(Killed):
        make(dying, ["山", "水"], {"Idempotency-Key": "k"})
    assert client.zcard("writing:waiting:bulk") == 2
    assert client.llen("bulk") == 0
    again = made(client_of(settings), ["山", "水"], {"Idempotency-Key": "k"})
    assert again["counts"]["queued"] == 2
    assert client.zcard("writing:waiting:bulk") == 2


@pytest.mark.parametrize("word", ["手紙", {"word": "手紙", "language": None}, {"word": " 手紙 "}])
def test_kana_in_a_deck_makes_its_words_japanese(anyone: FlaskClient, word: str | dict[str, str | None]) -> None:
    deck = made(anyone, ["食べる", word, "学习"])
    assert [(entry["reading"], entry["meaning"]) for entry in deck["words"]] == [
        ("たべる", "to eat"), ("てがみ", "letter"), ("xuéxí", "to learn"),
    ]  # fmt: skip


def test_a_decks_language_can_be_given(anyone: FlaskClient) -> None:
    assert made(anyone, ["手紙"], language="ja")["words"][0]["reading"] == "てがみ"
    mixed = made(anyone, ["食べる", {"word": "手紙", "language": "zh"}])
    assert mixed["words"][1]["meaning"] == "toilet paper"


@pytest.mark.parametrize(
    ("options", "own", "language"),
    [
        ({}, {}, "other"),
        ({}, {"translation_language": None}, "other"),
        ({}, {"translation_language": "en"}, "en"),
        ({"translation_language": "en"}, {}, "en"),
        ({"translation_language": "en"}, {"translation_language": "other"}, "other"),
    ],
)
def test_french_translations_in_a_deck_are_shown_and_do_not_steer(
    anyone: FlaskClient, store: JobStore, options: dict[str, str], own: dict[str, str | None], language: str
) -> None:
    """Unless the deck or the word says that they are English."""
    words = [{"word": "海", "translation": "mer"}, {"word": "面包", "translation": "pain", **own}]
    deck = made(anyone, words, **options)
    assert deck["words"][1]["meaning"] == "pain"
    assert store.get(deck["words"][1]["job_id"]).request.translation_language == language


def test_a_decks_archive_has_its_words_in_order_with_what_is_on_their_cards(
    anyone: FlaskClient, leases: Leases
) -> None:
    words = [{"word": word} for word in "水火木土日月人口手"]
    deck = made(anyone, [*words, {"word": "长", "translation": "chief", "reading": "zhǎng <of all>"}])
    for word in deck["words"]:
        draw(leases, word["job_id"])
    with zipfile.ZipFile(io.BytesIO(anyone.get(deck["zip_url"]).data)) as archive:
        *pictures, sheet = archive.namelist()
        page = archive.read(sheet).decode()
    assert pictures == sorted(pictures)
    assert (pictures[0], pictures[9]) == ("pictures/01-水.png", "pictures/10-长.png")
    for part in ('<span class="word" lang="zh-Hans" dir="auto">长</span>', "zhǎng &lt;of all&gt;</span>", ">chief<"):
        assert part in page
