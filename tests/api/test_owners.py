"""Jobs belong to the key that sent them, and only operators see everything. With the real application and Redis."""

import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.services import Services
from api.style_samples import digest
from shared.queue.client_queues import queue_of
from shared.redis_client import make_redis
from shared.schemas import Priority
from shared.settings import Settings
from tests.api.clients import ALICE, BOB, KEYS, OPERATOR
from tests.api.clients import shared_client_of as client_of

SUBMIT = "/api/writing/generate-writing-image"


def submit(client: FlaskClient, headers: dict[str, str]) -> str:
    answer = client.post(SUBMIT, json={"word": "火"}, headers=headers)
    assert answer.status_code == 202
    return str(answer.get_json()["job_id"])


def routes_of_a_job(client: FlaskClient) -> list[tuple[str, str]]:
    """Return the method and the path of every route with a job's id; `ID` stands for the id."""
    values = {"job_id": "ID", "control_type": "canny", "method": "opencv_canny", "variation": "0"}
    return [
        (method, re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule.rule))
        for rule in client.application.url_map.iter_rules()
        if "job_id" in rule.arguments
        for method in sorted((rule.methods or set()) - {"OPTIONS"})
    ]


def test_to_other_keys_a_job_does_not_exist(guarded: FlaskClient) -> None:
    job_id = submit(guarded, ALICE)
    routes = routes_of_a_job(guarded)
    assert len(routes) >= 11, "including HEAD"

    def answers(job: str, headers: dict[str, str]) -> list[tuple[int, str]]:
        found = [guarded.open(path.replace("ID", job), method=method, headers=headers) for method, path in routes]
        return [(answer.status_code, answer.text.replace(job, "")) for answer in found]

    assert answers(job_id, BOB) == answers("00000000-0000-0000-0000-000000000000", BOB)
    assert {status for status, _ in answers(job_id, BOB)} == {404}
    assert guarded.get(f"/api/writing/jobs/{job_id}", headers=ALICE).get_json()["status"] == "queued", "not cancelled"
    assert 404 not in {status for status, _ in answers(job_id, ALICE)}


def test_a_client_cannot_keep_others_from_the_queue(settings: Settings) -> None:
    queue = settings.queue.model_copy(update={"limit": 4, "bulk_limit": 8})
    small = client_of(settings.model_copy(update={"queue": queue}), keys=KEYS)

    def answer(path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, str | None]:
        found = small.post(path, json=body, headers=headers)
        return found.status_code, found.get_json().get("code")

    def deck(words: str, headers: dict[str, str]) -> tuple[int, str | None]:
        return answer("/api/writing/decks", {"words": list(words)}, headers)

    word = {"word": "火"}
    assert [answer(SUBMIT, word, ALICE) for _ in range(3)] == [(202, None), (202, None), (429, "queue_full")]
    assert answer(SUBMIT, word, BOB) == (202, None)
    assert [deck("山水火月", ALICE), deck("日", ALICE)] == [(202, None), (429, "queue_full")]
    assert deck("山水火月", BOB) == (202, None)


@pytest.mark.parametrize(
    ("api", "accepted"),
    [({"keys": KEYS[:1]}, 4), ({"keys": KEYS}, 2), ({"client_header": "X-API-Key", "allow_anonymous": True}, 2)],
)
def test_an_only_client_may_fill_the_queue(settings: Settings, api: dict[str, Any], accepted: int) -> None:
    queue = settings.queue.model_copy(update={"limit": 4, "bulk_limit": 4})
    small = client_of(settings.model_copy(update={"queue": queue}), **api)

    def fill(path: str, body: dict[str, Any]) -> list[int]:
        return [small.post(path, json=body, headers=ALICE).status_code for _ in range(5)]

    answers = [202] * accepted + [429] * (5 - accepted)
    assert fill(SUBMIT, {"word": "火"}) == answers
    assert fill("/api/writing/decks", {"words": ["山"]}) == answers


def test_operators_see_and_cancel_all_jobs(guarded: FlaskClient) -> None:
    job_id = submit(guarded, ALICE)
    assert guarded.get(f"/api/writing/jobs/{job_id}", headers=OPERATOR).status_code == 200
    assert guarded.delete(f"/api/writing/jobs/{job_id}", headers=OPERATOR).get_json()["status"] == "cancelled"
    assert guarded.get(f"/api/writing/jobs/{job_id}", headers=ALICE).get_json()["status"] == "cancelled"


OPERATORS_CALLS: list[Callable[[FlaskClient, dict[str, str]], TestResponse]] = [
    lambda client, headers: client.get("/health/detailed", headers=headers),
    lambda client, headers: client.head("/health/detailed", headers=headers),
    lambda client, headers: client.get("/metrics", headers=headers),
    lambda client, headers: client.head("/metrics", headers=headers),
    lambda client, headers: client.post("/health/warmup", headers=headers),
]


@pytest.mark.parametrize("call", OPERATORS_CALLS)
def test_what_concerns_all_is_for_operators(
    settings: Settings, guarded: FlaskClient, call: Callable[[FlaskClient, dict[str, str]], TestResponse]
) -> None:
    refused = call(guarded, ALICE)
    assert refused.status_code == 403
    if refused.request.method != "HEAD":
        assert refused.get_json()["code"] == "operator_only"
    assert call(guarded, {}).status_code == 401
    assert call(guarded, OPERATOR).status_code in {200, 202}
    assert call(client_of(settings), {}).status_code in {200, 202}, "without keys all calls are open"
    nobody = client_of(settings, keys=KEYS)
    assert {call(nobody, headers).status_code for headers in (ALICE, BOB, OPERATOR)} == {403}


def test_without_keys_all_jobs_are_everybody_s(settings: Settings) -> None:
    client = client_of(settings)
    job_id = submit(client, {})
    assert client.get(f"/api/writing/jobs/{job_id}").status_code == 200
    later = client_of(settings, keys=KEYS, operators=("op",))
    path = f"/api/writing/jobs/{job_id}"
    assert later.get(path, headers=ALICE).status_code == 404, "a job sent without a key has no owner"
    assert later.get(path, headers=OPERATOR).status_code == 200


def test_a_job_from_before_owners_were_recorded_can_be_read(settings: Settings, guarded: FlaskClient) -> None:
    job_id = submit(guarded, ALICE)
    make_redis(settings.redis).hdel(f"writing:job:{job_id}", "client")
    assert guarded.get(f"/api/writing/jobs/{job_id}", headers=BOB).status_code == 200


def test_a_key_gone_from_the_settings_leaves_its_jobs_to_operators(settings: Settings, guarded: FlaskClient) -> None:
    job_id = submit(guarded, ALICE)
    later = client_of(settings, keys=KEYS[1:], operators=("op",))
    path = f"/api/writing/jobs/{job_id}"
    assert [later.get(path, headers=headers).status_code for headers in (ALICE, BOB, OPERATOR)] == [401, 404, 200]


def test_an_idempotency_key_finds_the_own_job_only(guarded: FlaskClient) -> None:
    same = {"Idempotency-Key": "same"}
    first, again = (submit(guarded, {**ALICE, **same}) for _ in range(2))
    other = submit(guarded, {**BOB, **same})
    assert first == again != other
    assert guarded.get(f"/api/writing/jobs/{other}", headers=BOB).status_code == 200
    assert guarded.get(f"/api/writing/jobs/{first}", headers=BOB).status_code == 404


def test_preflights_need_no_owner(settings: Settings) -> None:
    client = client_of(settings, keys=KEYS, cors_origins=("https://learn.example",))
    job_id = submit(client, ALICE)
    asked = {"Origin": "https://learn.example", "Access-Control-Request-Method": "GET"}
    answer = client.options(f"/api/writing/jobs/{job_id}", headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://learn.example")


def test_no_client_can_take_a_sample_s_place(settings: Settings) -> None:
    """Samples have separate Idempotency-Keys: a client that guesses one creates its own job."""
    style = settings.styles["comic"].model_copy(update={"base_template": "my own {meaning}"})
    client = client_of(settings.model_copy(update={"styles": {**settings.styles, "mine": style}}))
    services: Services = client.application.extensions["writing"]
    key = f"mine {digest(style)} {settings.model} {int(time.time() / settings.queue.result_ttl_s)}"
    assert client.post(SUBMIT, json={"word": "火"}, headers={"Idempotency-Key": key}).status_code == 202
    assert client.get("/api/writing/styles/mine/sample").get_json()["code"] == "sample_not_ready"
    (sample,) = make_redis(settings.redis).zrange("writing:waiting:bulk", 0, -1)
    assert services.store.owner(sample) == ""


def test_a_job_s_message_waits_in_the_queue_of_its_client(guarded: FlaskClient, client: redis.Redis) -> None:
    submit(guarded, ALICE)
    own = queue_of(Priority.INTERACTIVE, "alice")
    assert own != queue_of(Priority.INTERACTIVE, "")
    assert client.llen(own) == 1


def test_the_access_log_names_client_route_and_job(guarded: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "access"):
        job_id = submit(guarded, ALICE)
        guarded.get(f"/api/writing/jobs/{job_id}?result=links&token=secret", headers=BOB)
        guarded.get("/api/writing/status", environ_base={"REMOTE_ADDR": "203.0.113.9"})
        guarded.get("/admin").close()
    fields = [(line.client, line.method, line.route, line.job, line.status) for line in caplog.records]  # type: ignore[attr-defined]
    assert fields == [
        ("alice", "POST", SUBMIT, job_id, 202),
        ("bob", "GET", "/api/writing/jobs/<job_id>", job_id, 404),
        ("203.0.113.9", "GET", "/api/writing/status", "-", 401),
        ("127.0.0.1", "GET", "/admin", "-", 200),
    ]
    assert all(line.milliseconds >= 0 for line in caplog.records)  # type: ignore[attr-defined]
    assert "secret" not in caplog.text


def test_probes_are_logged_as_details_only(guarded: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "access"):
        for path in ("/health", "/health/ready", "/health/detailed"):
            guarded.get(path)
        guarded.post("/health")
    assert [line.levelname for line in caplog.records] == ["DEBUG", "DEBUG", "INFO", "INFO"]


def test_a_proxy_can_name_the_clients(settings: Settings) -> None:
    named = {"allow_anonymous": True, "client_header": "X-Forwarded-User", "operators": ("op",)}
    client = client_of(settings, **named, rate_limit="2/minute")
    anna, ben, op = ({"X-Forwarded-User": name} for name in ("anna@school.example", "Ben B", "op"))
    job_id = submit(client, anna)
    address = f"/api/writing/jobs/{job_id}"
    assert client.get(address, headers=anna).status_code == client.get(address, headers=op).status_code == 200
    assert client.get(address, headers=ben).get_json()["code"] == "job_not_found"
    assert client.delete(address, headers=ben).status_code == 404
    assert client.get("/api/writing/jobs", headers=ben).get_json()["jobs"] == []
    submit(client, anna)
    statuses = [client.post(SUBMIT, json={"word": "火"}, headers=of).status_code for of in (anna, ben)]
    assert statuses == [429, 202], "each has a rate of its own"
    assert client.get("/metrics", headers=ben).get_json()["code"] == "operator_only"
    assert client.get("/metrics", headers=op).status_code == 200


@pytest.mark.parametrize("name", [None, "", "a:b", "anna,ben", "a\tb", "x" * 255])
def test_without_a_name_from_the_proxy_only_probes_and_pages_answer(settings: Settings, name: str | None) -> None:
    client = client_of(settings, allow_anonymous=True, client_header="X-Forwarded-User")
    headers = {} if name is None else {"X-Forwarded-User": name}
    assert client.get("/api/writing/status", headers=headers).get_json()["code"] == "unauthorized"
    assert client.get("/health", headers=headers).status_code == 200


def test_failures_of_others_are_not_in_what_everybody_sees(settings: Settings, guarded: FlaskClient) -> None:
    failure = {"job_id": "the-job-of-bob", "code": "generation_failed", "detail": "d", "ended_at": 1.0}
    make_redis(settings.redis).lpush("writing:recent_failures", json.dumps(failure))
    for path in ("/api/writing/status", "/health", "/health/ready", "/", "/admin", "/openapi/openapi.json"):
        with guarded.get(path, headers=ALICE) as answer:
            assert "the-job-of-bob" not in answer.text
    assert "the-job-of-bob" in guarded.get("/health/detailed", headers=OPERATOR).text
