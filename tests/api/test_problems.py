"""Problems name every fault once, in the terms of JSON, and nothing that a client sends goes unnoticed."""

from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SUBMIT, DECKS, CARDS = (f"/api/writing/{call}" for call in ("generate-writing-image", "decks", "anki-packages"))
CSV = {"Content-Type": "text/csv"}


def faults(answer: TestResponse) -> list[tuple[str, str]]:
    document = answer.get_json()
    assert answer.status_code == document["status"] == 422
    assert (document["field"], document["code"]) == tuple(document["errors"][0][name] for name in ("field", "code"))
    return [(error["field"], error["code"]) for error in document["errors"]]


@pytest.mark.parametrize(
    ("call", "known"),
    [
        ("GET /api/writing/jobs/x?results=links", "result"),
        ("GET /api/writing/jobs?stat=failed", "status"),
        ("GET /api/writing/decks/x?word=false", "words"),
        ("GET /api/writing/imagery?q=dog", "query"),
        ("GET /api/writing/meanings?word=%E5%AD%A6&lang=ja", "word"),
        ("GET /api/writing/status?verbose=1", "none"),
        ("GET /api/writing/jobs/x/image?width=64", "size"),
        ("DELETE /api/writing/jobs/x?force=1", "none"),
        ("POST /api/writing/generate-writing-image?seed=7", "none"),
        ("POST /api/writing/batches?seed=7", "none"),
        ("POST /api/writing/decks?seed=7", "options"),
        ("POST /api/writing/word-lists?column=word", "columns"),
        ("POST /api/writing/anki-packages?name=x", "none"),
    ],
)
def test_an_unknown_parameter_is_refused(anyone: FlaskClient, call: str, known: str) -> None:
    method, _, address = call.partition(" ")
    answer = anyone.open(address, method=method)
    unknown = address.rpartition("?")[2].rpartition("&")[2].partition("=")[0]
    assert faults(answer) == [(unknown, "unknown_field")]
    assert known in answer.get_json()["detail"]


@pytest.mark.parametrize("word", ["%BB%F0", "%ED%A0%80", "%C0%80", "%E5%AD"])
def test_a_parameter_that_is_no_utf_8_is_not_read_as_its_percent_encoding(anyone: FlaskClient, word: str) -> None:
    assert faults(anyone.get(f"/api/writing/meaning?word={word}")) == [("word", "invalid_text")]


@pytest.mark.parametrize(
    "body", ['{"word": "山", "word": "水"}', '{"word": "山", "controlnet_weights": {"canny": 1, "canny": 1}}']
)
def test_a_field_that_is_given_twice_is_refused(anyone: FlaskClient, body: str) -> None:
    answer = anyone.post(SUBMIT, data=body.encode(), content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "malformed_json")
    assert "twice" in answer.get_json()["detail"]


def test_an_option_of_the_drawing_is_not_ignored_in_a_csv_s_query(anyone: FlaskClient) -> None:
    answer = anyone.post(f"{DECKS}?name=x&seed=7&num_inference_steps=1", data="山\n".encode(), headers=CSV)
    assert faults(answer) == [("seed", "unknown_field")]


def test_a_deck_in_json_takes_no_options_from_the_query(anyone: FlaskClient) -> None:
    answer = anyone.post(f"{DECKS}?style=neon", json={"words": ["山"]})
    assert faults(answer) == [("style", "unknown_field")]
    assert "JSON" in answer.get_json()["detail"]


@pytest.mark.parametrize("address", ["/health?t=1", "/metrics?t=1", "/?word=x", "/static/app.js?v=1"])
def test_other_addresses_take_any_parameter(anyone: FlaskClient, address: str) -> None:
    assert anyone.get(address, buffered=True).status_code == 200


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"word": "😀"}, [("word", "unsupported_character")]),
        ({"word": "𠀀"}, [("word", "unsupported_character")]),
        ({"word": "山", "style": "cubist"}, [("style", "unknown_style")]),
        ({"word": "qzxy"}, [("translation", "translation_required")]),
        ({"word": "山", "quality": "turbo"}, [("quality", "quality_unavailable")]),
        ({"word": "山", "imagery": ["nothing-of-this"]}, [("imagery", "unknown_imagery")]),
        ({"word": "山", "conditioning_methods": {"canny": [5]}}, [("conditioning_methods.canny.0", "wrong_type")]),
        ({"word": "山", "conditioning_methods": {"canny": []}}, [("conditioning_methods.canny", "too_short")]),
    ],
)
def test_every_fault_is_listed_once(anyone: FlaskClient, body: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert faults(anyone.post(SUBMIT, json=body)) == found


def test_a_list_is_not_too_short_because_its_items_are_invalid(anyone: FlaskClient) -> None:
    assert faults(anyone.post(CARDS, json={"cards": [{"word": "山"}]})) == [
        ("cards.0.file", "missing_field"), ("cards.0.digest", "missing_field")
    ]  # fmt: skip
    assert faults(anyone.post(CARDS, json={"cards": []})) == [("cards", "too_short")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"cards": []}, "1 or more items"),
        ({"cards": [7]}, "an object"),
        ({"cards": "山"}, "a list"),
        ({"cards": [{"word": 7, "file": "a", "digest": "0" * 24}]}, "a string"),
        ({"name": "x" * 101, "cards": []}, "at most 100 characters"),
        ({}, "required"),
    ],
)
def test_texts_name_no_types_of_python(anyone: FlaskClient, body: dict[str, Any], message: str) -> None:
    answer = anyone.post(CARDS, json=body)
    assert message in answer.get_json()["detail"]


def test_a_header_at_fault_is_listed_too(anyone: FlaskClient) -> None:
    longest = anyone.post(SUBMIT, json={"word": "山"}, headers={"Idempotency-Key": "x" * 255})
    assert longest.status_code == 202
    answer = anyone.post(SUBMIT, json={"word": "山"}, headers={"Idempotency-Key": "x" * 256})
    assert faults(answer) == [("Idempotency-Key", "invalid_request")]


@pytest.mark.parametrize("is_checked", [False, True], ids=["by the check", "by Redis"])
def test_a_full_redis_is_told_from_one_that_cannot_be_reached(
    anyone: FlaskClient, client: redis.Redis, is_checked: bool
) -> None:
    """A check of the memory is reused for a second; until then Redis itself refuses the job."""
    if is_checked:
        assert anyone.post(SUBMIT, json={"word": "山"}).status_code == 202
    client.config_set("maxmemory", 1)
    try:
        answer = anyone.post(SUBMIT, json={"word": "山"})
        batch = anyone.post("/api/writing/batches", json={"requests": [{"word": "山"}]}).get_json()["items"][0]
    finally:
        client.config_set("maxmemory", 0)
    for problem in (answer.get_json(), batch["problem"]):
        assert (problem["status"], problem["code"]) == (503, "queue_out_of_memory")
    assert int(answer.headers["Retry-After"]) > 0
    assert batch["retry_after_s"] > 0
