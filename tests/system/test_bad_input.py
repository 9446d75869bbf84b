"""No input from a client causes a 5xx or leaves a trace in the queue."""

from typing import Any

import pytest
import redis
import requests

from tests.helpers import Api

URL = "/api/writing/generate-writing-image"
CASES: list[tuple[dict[str, Any], str, str | None]] = [
    ({"word": ""}, "invalid_word", "word"),
    ({"word": "   "}, "invalid_word", "word"),
    ({"word": "学" * 13}, "invalid_word", "word"),
    ({"word": "学\x07"}, "invalid_word", "word"),
    ({"word": "\ud800"}, "invalid_word", "word"),
    ({"word": "😀"}, "unsupported_character", "word"),
    ({"word": "学𠀀"}, "unsupported_character", "word"),
    ({"word": 7}, "wrong_type", "word"),
    ({"word": None}, "wrong_type", "word"),
    ({}, "missing_field", "word"),
    ({"word": "qzxy"}, "translation_required", "translation"),
    ({"word": "qzxy", "translation": "ыыы"}, "translation_required", "translation"),
    ({"word": "学", "translation": "\ud800"}, "invalid_text", "translation"),
    ({"word": "学", "translation": "x" * 201}, "too_long", "translation"),
    ({"word": "学", "style": "cubist"}, "unknown_style", "style"),
    ({"word": "学", "imagery": "dog"}, "invalid_imagery", "imagery"),
    ({"word": "学", "imagery": {"dog": 1}}, "wrong_type", "imagery"),
    ({"word": "学", "imagery": ["собака"]}, "unknown_imagery", "imagery"),
    ({"word": "学", "draw_imagery": "yes"}, "wrong_type", "draw_imagery"),
    ({"word": "学", "prompt": "x"}, "unknown_field", "prompt"),
    ({"word": "学", "width": 100}, "out_of_range", "width"),
    ({"word": "学", "width": 192}, "out_of_range", "width"),
    ({"word": "学", "height": 4096}, "out_of_range", "height"),
    ({"word": "学", "height": 300}, "out_of_range", "height"),
    ({"word": "学", "width": "512"}, "wrong_type", "width"),
    ({"word": "学", "controlnet_weights": {"canny": 2.5}}, "out_of_range", "controlnet_weights.canny"),
    ({"word": "学", "controlnet_weights": {"canny": -1}}, "out_of_range", "controlnet_weights.canny"),
    ({"word": "学", "controlnet_weights": {"pose": 1}}, "invalid_value", "controlnet_weights.pose"),
    ({"word": "学", "conditioning_methods": {"canny": ["sobel"]}}, "unknown_method", "conditioning_methods"),
    ({"word": "学", "conditioning_methods": {"canny": []}}, "too_short", "conditioning_methods.canny"),
    ({"word": "学", "seed": -1}, "out_of_range", "seed"),
    ({"word": "学", "scene_seed": -1}, "out_of_range", "scene_seed"),
    ({"word": "学", "variations": 5}, "out_of_range", "variations"),
    ({"word": "学", "variations": 0}, "out_of_range", "variations"),
    ({"word": "学", "variations": "2"}, "wrong_type", "variations"),
    ({"word": "学", "seed": 2**53 - 1, "variations": 2}, "out_of_range", "variations"),
    ({"word": "学", "priority": "now"}, "invalid_value", "priority"),
    ({"word": "学", "num_inference_steps": 1000}, "out_of_range", "num_inference_steps"),
]
RAW = [
    (b'{"word": "x", "controlnet_weights": {"canny": NaN}}', "application/json", 422, "out_of_range"),
    (b'{"word": "x", "guidance_scale": Infinity}', "application/json", 422, "out_of_range"),
    (b'{"word": "x", "seed": 1e999}', "application/json", 422, "wrong_type"),
    (b"{", "application/json", 422, "malformed_json"),
    (b"", "application/json", 422, "malformed_json"),
    (b"[]", "application/json", 422, "malformed_json"),
    (b'"word"', "application/json", 422, "malformed_json"),
    (b"null", "application/json", 422, "malformed_json"),
    (b"\xff\xfe\x00", "application/json", 422, "malformed_json"),
    (b"[" * 60000, "application/json", 422, "malformed_json"),
    (b'{"\\ud800": 1, "word": "x"}', "application/json", 422, "invalid_text"),
    (b'{"word": "x"}', "text/plain", 415, "unsupported_media_type"),
    (b"word=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (b'{"word": "' + b"x" * 65536 + b'"}', "application/json", 413, "body_too_large"),
]


def jobs_in_redis(stack: Any) -> int:
    return len(list(redis.Redis.from_url(stack.redis_url).scan_iter("writing:job:*", count=1000)))


@pytest.mark.parametrize(
    ("request_", "code", "field"), CASES, ids=[f"{code}-{n}" for n, (_, code, _) in enumerate(CASES)]
)
def test_a_bad_field_is_named(api: Api, stack: Any, request_: dict[str, Any], code: str, field: str | None) -> None:
    before = jobs_in_redis(stack)
    answer = api.submit(**request_)
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"], problem.get("field")) == (422, 422, code, field)
    assert problem["title"]
    assert problem["detail"]
    assert jobs_in_redis(stack) == before


@pytest.mark.parametrize("case", RAW, ids=[f"{case[3]}-{n}" for n, case in enumerate(RAW)])
def test_a_bad_body_is_explained(api: Api, stack: Any, case: tuple[bytes, str, int, str]) -> None:
    body, content_type, status, code = case
    before = jobs_in_redis(stack)
    answer = requests.post(api.url + URL, data=body, headers={"Content-Type": content_type}, timeout=10)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert jobs_in_redis(stack) == before


def test_a_large_body_without_a_length_is_refused(api: Api) -> None:
    """For chunked bodies, the limit holds although the client does not announce the length."""
    chunks = (b"x" * 8192 for _ in range(20))
    answer = requests.post(api.url + URL, data=chunks, headers={"Content-Type": "application/json"}, timeout=10)
    assert answer.status_code == 413


def test_every_fault_is_listed(api: Api) -> None:
    problem = api.submit(word="", width=1, foo=1).json()
    assert {error["field"] for error in problem["errors"]} == {"word", "width", "foo"}
    assert "conditioning_methods" in next(error["message"] for error in problem["errors"] if error["field"] == "foo")


@pytest.mark.parametrize("job_id", ["nope", "00000000-0000-0000-0000-000000000000", "学", "a" * 2000])
def test_an_unknown_job_is_not_found(api: Api, job_id: str) -> None:
    for answer in (
        api.get(f"/api/writing/jobs/{job_id}"),
        api.get(f"/api/writing/jobs/{job_id}/image"),
        api.get(f"/api/writing/jobs/{job_id}/conditioning/canny/opencv_canny"),
        api.cancel(job_id),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


def test_unknown_addresses_and_methods_are_problems_too(api: Api) -> None:
    missing = api.get("/nope")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = requests.put(api.url + URL, timeout=10)
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_a_wrong_idempotency_key_is_refused(api: Api, key: str) -> None:
    answer = api.submit(word="学", headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_a_quality_that_the_model_lacks_is_refused(api: Api) -> None:
    answer = api.submit(word="火", quality="turbo")
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["field"]) == ("quality_unavailable", "quality")
    assert "exact, fast" in answer.json()["detail"]
