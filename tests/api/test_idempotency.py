"""Equivalent requests count as the same request for an Idempotency-Key."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.app import create_app
from shared.redis_client import make_redis
from shared.schemas import CONDITIONING_METHODS
from shared.settings import Settings, load_settings

SUBMIT = "/api/writing/generate-writing-image"
BATCHES = "/api/writing/batches"
FULL = {
    "word": "学习", "translation": "study", "seed": 7, "controlnet_weights": {"canny": 1.5, "depth": 0.25},
    "conditioning_methods": {"canny": ["opencv_canny"], "depth": ["distance_transform_depth"]},
    "legibility": {"target": 0.5, "max_attempts": 2},
}  # fmt: skip


def send(anyone: FlaskClient, body: str | dict[str, Any]) -> tuple[int, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = anyone.post(SUBMIT, data=text, content_type="application/json", headers={"Idempotency-Key": "k"})
    return answer.status_code, answer.get_json().get("job_id", answer.get_json().get("code"))


def backwards(value: Any) -> Any:
    return {key: backwards(value[key]) for key in reversed(value)} if isinstance(value, dict) else value


def test_order_and_white_space_do_not_count(anyone: FlaskClient) -> None:
    first = send(anyone, FULL)
    assert first[0] == 202
    assert send(anyone, backwards(FULL)) == first
    assert send(anyone, json.dumps(FULL, indent=4, ensure_ascii=False)) == first
    assert send(anyone, json.dumps(FULL).replace("0.25", "2.5e-1").replace("1.5", "1.50")) == first


MODEL = load_settings({}).active_model
STYLE = load_settings({}).styles[load_settings({}).default_style]


@pytest.mark.parametrize(
    "spelled_out",
    [
        {"translation": ""},
        {"style": None, "seed": None, "webhook_url": None},
        {"style": load_settings({}).default_style},
        {"width": MODEL.default_size, "height": MODEL.default_size},
        {"width": float(MODEL.default_size)},
        {"num_inference_steps": MODEL.num_inference_steps, "guidance_scale": MODEL.guidance_scale},
        {"quality": "exact", "priority": "interactive", "include_conditioning": True},
        {"conditioning_methods": {}, "controlnet_weights": {}},
        {"conditioning_methods": {"canny": ["opencv_canny"], "depth": ["distance_transform_depth"]}},
        {"controlnet_weights": dict(STYLE.controlnet_weights)},
        {"imagery": "auto", "draw_imagery": MODEL.draw_imagery},
    ],
)
def test_a_default_spelled_out_is_the_same(anyone: FlaskClient, spelled_out: dict[str, Any]) -> None:
    first = send(anyone, {"word": "火"})
    assert first[0] == 202
    assert send(anyone, {"word": "火", **spelled_out}) == first
    assert send(anyone, {**spelled_out, "word": "火"}) == first


def test_each_request_of_a_batch_has_its_own_key(anyone: FlaskClient) -> None:
    batch = {"requests": [{"word": "火"}, {"word": "火"}, {"word": "😀"}]}

    def items(key: str) -> list[dict[str, Any]]:
        return list(anyone.post(BATCHES, json=batch, headers={"Idempotency-Key": key}).get_json()["items"])

    first = items("k")
    assert [item["status"] for item in first] == [202, 202, 422]
    assert first[0]["job"]["job_id"] != first[1]["job"]["job_id"]
    assert items("k") == first
    anyone.delete(first[1]["job"]["status_url"])
    assert [item["job"]["status"] for item in items("k")[:2]] == ["queued", "cancelled"]
    assert items("other")[0]["job"]["job_id"] != first[0]["job"]["job_id"]


def test_a_wrong_key_of_a_batch_is_refused_once(anyone: FlaskClient) -> None:
    answer = anyone.post(BATCHES, json={"requests": [{"word": "火"}]}, headers={"Idempotency-Key": "x" * 256})
    assert (answer.status_code, answer.get_json()["field"]) == (422, "Idempotency-Key")


def test_a_repeated_request_needs_no_room(settings: Settings) -> None:
    """The answer was lost; the results of the waiting jobs leave room for none more."""
    results = settings.results.model_copy(update={"budget_bytes": 900_000})
    anyone = create_app(settings.model_copy(update={"results": results})).test_client()
    first = send(anyone, {"word": "火"})
    assert first[0] == 202
    assert anyone.post(SUBMIT, json={"word": "火"}).status_code == 503
    assert send(anyone, {"word": "火"}) == first
    assert send(anyone, {"word": "水"})[0] == 409


def test_pictures_in_an_object_store_need_no_room_in_redis(settings: Settings, tmp_path: Path) -> None:
    results = settings.results.model_copy(update={"budget_bytes": 900_000, "store": tmp_path.as_uri()})
    anyone = create_app(settings.model_copy(update={"results": results})).test_client()
    assert [anyone.post(SUBMIT, json={"word": "火"}).status_code for _ in range(4)] == [202] * 4


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [("job", SUBMIT, {"word": "火"}), ("deck", "/api/writing/decks", {"words": [{"word": "火"}]})],
)
def test_a_key_is_kept_as_long_as_what_it_created(
    anyone: FlaskClient, settings: Settings, kind: str, path: str, body: dict[str, Any]
) -> None:
    """A cancelled job that never started is kept for an hour, and so is its key, however many a caller sends."""
    created = anyone.post(path, json=body, headers={"Idempotency-Key": "k"})
    assert created.status_code == 202
    anyone.delete(created.headers["Location"])
    connection = make_redis(settings.redis)
    ((key,), (record,)) = (connection.keys(f"writing:{name}:*") for name in ("idempotency", kind))
    assert 3500 < connection.ttl(key) <= 3600
    assert connection.ttl(record) == pytest.approx(connection.ttl(key), abs=1)


def test_a_scene_s_seed_is_the_picture_s_unless_it_is_given(anyone: FlaskClient) -> None:
    first = send(anyone, {"word": "火", "seed": 7})
    assert first[0] == 202
    assert send(anyone, {"word": "火", "seed": 7, "scene_seed": 7}) == first
    assert send(anyone, {"word": "火", "seed": 7, "scene_seed": 8})[0] == 409


def test_a_nested_default_is_the_same(anyone: FlaskClient) -> None:
    first = send(anyone, {"word": "火", "legibility": {"target": 0.5}})
    assert send(anyone, {"word": "火", "legibility": {"max_attempts": 4, "target": 0.50}}) == first


def test_a_motif_s_name_is_the_same_however_it_is_written(anyone: FlaskClient) -> None:
    first = send(anyone, {"word": "火", "imagery": ["graduation-cap", "owl"]})
    assert first[0] == 202
    assert send(anyone, {"word": "火", "imagery": ["Graduation Cap", "OWL"]}) == first
    assert send(anyone, {"word": "火", "imagery": ["owl", "graduation-cap"]})[0] == 409


@pytest.mark.parametrize(
    "other",
    [
        {"word": "水"}, {"translation": "blaze"}, {"style": "neon"}, {"width": 640}, {"seed": 0},
        {"guidance_scale": 7.5}, {"conditioning_methods": {"canny": list(CONDITIONING_METHODS["canny"][:2])}},
        {"num_inference_steps": 11}, {"priority": "bulk"}, {"include_conditioning": False}, {"quality": "fast"},
        {"controlnet_weights": {"canny": 0}}, {"legibility": {"target": 0}}, {"negative_prompt": ""},
        {"imagery": "none"}, {"imagery": ["owl"]}, {"draw_imagery": not MODEL.draw_imagery},
    ],
)  # fmt: skip
def test_another_request_is_another(anyone: FlaskClient, other: dict[str, Any]) -> None:
    assert send(anyone, {"word": "火"})[0] == 202
    status, code = send(anyone, {"word": "火", **other})
    assert (status, code) == (409, "idempotency_conflict"), other


def test_another_style_s_weights_are_no_default(anyone: FlaskClient, settings: Settings) -> None:
    weights = dict(settings.styles["neon"].controlnet_weights)
    assert send(anyone, {"word": "火", "style": "neon", "controlnet_weights": weights})[0] == 202
    assert send(anyone, {"word": "火", "style": "neon"})[0] == 202
    assert send(anyone, {"word": "火", "controlnet_weights": weights})[0] == 409
