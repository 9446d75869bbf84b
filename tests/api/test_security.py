"""Access control, and the security headers of responses. With the real application and a real Redis."""

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.security import digest
from shared.errors import SettingsError
from shared.logs import OneLineFormatter
from shared.settings import Settings
from tests.api.clients import shared_client_of as client_of

URL = "/api/writing/generate-writing-image"
KEYS = {"alice": "key-of-alice", "bob": "key-of-bob"}


@pytest.fixture
def guarded(settings: Settings) -> FlaskClient:
    return client_of(settings, keys=tuple(f"{name}:{digest(key)}" for name, key in KEYS.items()))


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"X-API-Key": ""}, {"Authorization": "Basic key-of-alice"},
     {"X-API-Key": digest("key-of-alice")}],
)  # fmt: skip
def test_without_a_valid_key_nothing_is_told(guarded: FlaskClient, headers: dict[str, str]) -> None:
    for answer in (
        guarded.post(URL, json={"word": "火"}, headers=headers),
        guarded.get("/api/writing/status", headers=headers),
        guarded.get("/api/writing/jobs/any", headers=headers),
        guarded.get("/health/detailed", headers=headers),
        guarded.post("/health/warmup", headers=headers),
        guarded.get("/no/such/path", headers=headers),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_valid_key_opens_and_probes_need_none(guarded: FlaskClient) -> None:
    for headers in ({"Authorization": "Bearer key-of-alice"}, {"X-API-Key": "key-of-bob"}):
        assert guarded.post(URL, json={"word": "火"}, headers=headers).status_code == 202
    assert guarded.get("/health").status_code == 200
    assert guarded.get("/health/ready").status_code == 503, "there is no worker, but no key is required"
    assert guarded.get("/openapi/openapi.json").status_code == 200


def test_each_client_has_its_own_idempotency_keys(guarded: FlaskClient) -> None:
    def submit(key: str) -> str:
        headers = {"X-API-Key": key, "Idempotency-Key": "same"}
        return str(guarded.post(URL, json={"word": "火"}, headers=headers).get_json()["job_id"])

    assert submit("key-of-alice") == submit("key-of-alice") != submit("key-of-bob")


def test_open_to_other_machines_it_does_not_start_without_keys(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"api\.keys"):
        client_of(settings, host="0.0.0.0")  # noqa: S104
    for opened in ({"allow_anonymous": True}, {"keys": (f"alice:{digest('key-of-alice')}",)}):
        assert client_of(settings, host="0.0.0.0", **opened).get("/health").status_code == 200  # noqa: S104
    with pytest.raises(SettingsError, match="NAME:DIGEST"):
        client_of(settings, keys=("alice:secret in the clear",))


def test_a_client_that_sends_too_much_is_told_when_to_come_back(settings: Settings) -> None:
    client = client_of(settings, rate_limit="3/hour")
    assert client.options(URL).status_code == 200, "a browser's preflight request costs nothing"
    answers = [client.post(URL, json={"word": "火"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    problem = answers[-1].get_json()
    assert problem["code"] == "rate_limited"
    assert problem["detail"] == "the limit of each client is 3 per 1 hour, in pictures, lists and packages"
    assert 3500 < int(answers[-1].headers["Retry-After"]) <= 3600
    assert client.get("/api/writing/status").status_code == 200, "reading costs little"


def test_reading_a_list_and_making_a_package_count_against_the_rate(settings: Settings) -> None:
    client = client_of(settings, rate_limit="2/minute")
    card = {"word": "山", "meaning": "mountain", "file": "1.png", "digest": "0" * 24}

    def read() -> int:
        return client.post("/api/writing/word-lists", data="山,mountain\n", content_type="text/csv").status_code

    def package() -> int:
        return client.post("/api/writing/anki-packages", json={"name": "x", "cards": [card]}).status_code

    assert [read(), package(), read(), package()] == [200, 200, 429, 429]


@pytest.mark.parametrize("rate", ["2/minute;100/hour", "100/hour;2/minute"])
def test_of_two_limits_the_headers_tell_the_one_that_is_reached_first(settings: Settings, rate: str) -> None:
    headers = client_of(settings, rate_limit=rate).post(URL, json={"word": "火"}).headers
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("2", "1")
    assert headers["X-RateLimit-Reset"].isdecimal()


@pytest.mark.parametrize(
    ("fields", "pictures"),
    [({}, 1), ({"variations": 3}, 3), ({"variations": 2, "legibility": {"target": 1.0, "max_attempts": 3}}, 6)],
)
def test_a_job_counts_by_the_pictures_that_it_may_draw(
    settings: Settings, fields: dict[str, Any], pictures: int
) -> None:
    client = client_of(settings, rate_limit="10/minute")
    answer = client.post(URL, json={"word": "火", **fields})
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (202, str(10 - pictures))
    batch = client.post("/api/writing/batches", json={"requests": [{"word": "火", **fields}]})
    has_room = 2 * pictures <= 10
    assert batch.get_json()["accepted"] == has_room
    left = 10 - pictures - (pictures if has_room else 1)  # a request that is too much has counted once
    assert batch.headers["X-RateLimit-Remaining"] == str(left)


def test_a_deck_counts_by_its_words_and_leaves_the_rest_when_it_is_refused(settings: Settings) -> None:
    client = client_of(settings, rate_limit="7/minute")

    def left_after(words: int) -> tuple[int, str]:
        answer = client.post("/api/writing/decks", json={"words": ["火"] * words})
        return answer.status_code, answer.headers["X-RateLimit-Remaining"]

    assert left_after(4) == (202, "3")
    assert left_after(4) == (429, "2")
    assert client.post(URL, json={"word": "火"}).status_code == 202


def test_a_deck_larger_than_the_limit_takes_all_of_it(settings: Settings) -> None:
    client = client_of(settings, rate_limit="3/minute;20/hour")
    answer = client.post("/api/writing/decks", json={"words": ["火"] * 10})
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (202, "0")
    assert client.post(URL, json={"word": "火"}).status_code == 429


LIMITS = {"max_side": 768, "max_steps": 30, "max_variations": 2, "max_attempts": 2}


@pytest.mark.parametrize(
    ("field", "most", "more"),
    [
        ("width", {"width": 768}, {"width": 832}),
        ("height", {"height": 768}, {"height": 832}),
        ("num_inference_steps", {"num_inference_steps": 30}, {"num_inference_steps": 31}),
        ("variations", {"variations": 2}, {"variations": 3}),
        ("legibility.max_attempts", {"legibility": {"target": 1, "max_attempts": 2}}, {"legibility": {"target": 1}}),
    ],
)
def test_no_request_exceeds_the_operators_limits(
    settings: Settings, field: str, most: dict[str, Any], more: dict[str, Any]
) -> None:
    client = client_of(settings, **LIMITS)
    status = client.get("/api/writing/status").get_json()["limits"]
    assert status == {"side": 768, "num_inference_steps": 30, "variations": 2, "max_attempts": 2}
    assert client.post(URL, json={"word": "火", **most}).status_code == 202
    alone = client.post(URL, json={"word": "火", **more})
    (item,) = client.post("/api/writing/batches", json={"requests": [{"word": "火", **more}]}).get_json()["items"]
    refusals = [alone.get_json(), item["problem"]]
    if field != "variations":  # a deck has none
        refusals.append(client.post("/api/writing/decks", json={"words": ["火"], **more}).get_json())
    for problem in refusals:
        assert (problem["status"], problem["code"], problem["field"]) == (422, "out_of_range", field)
        assert "at most" in problem["detail"]


def test_pages_of_other_hosts_may_call_where_they_are_named(settings: Settings) -> None:
    client = client_of(settings, cors_origins=("https://learn.example",))
    allowed = client.get("/health", headers={"Origin": "https://learn.example"})
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://learn.example"
    assert (
        "Access-Control-Allow-Origin" not in client.get("/health", headers={"Origin": "https://evil.example"}).headers
    )
    exposed = allowed.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Location", "Retry-After", "Content-Disposition", "X-RateLimit-Remaining"} <= {*exposed}
    asked = {"Origin": "https://learn.example", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/api/writing/decks", headers=asked)
    assert int(preflight.headers["Access-Control-Max-Age"]) > 0
    closed = client_of(settings)
    assert (
        "Access-Control-Allow-Origin" not in closed.get("/health", headers={"Origin": "https://evil.example"}).headers
    )


def test_browsers_are_told_to_be_careful(settings: Settings) -> None:
    client = client_of(settings)
    answer = client.get("/health")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    page = client.get("/openapi/swagger")
    assert page.mimetype == "text/html"
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_blocked_words_are_refused_as_whole_words_and_in_any_case(settings: Settings) -> None:
    client = client_of(settings, blocked_words=("Weapon", "毒"))
    for request, field in (
        ({"word": "火", "translation": "a WEAPON of war"}, "translation"),
        ({"word": "毒药"}, "word"),
    ):
        answer = client.post(URL, json=request)
        assert (answer.status_code, answer.get_json()["code"], answer.get_json()["field"]) == (422, "blocked", field)
    assert client.post(URL, json={"word": "火", "translation": "weaponless"}).status_code == 202


def test_no_text_of_a_request_can_forge_a_line_of_the_log() -> None:
    record = logging.makeLogRecord({"msg": "word %r and %s", "args": ("a", "b\n2026 INFO root: forged\x1b[31m\u2028")})
    line = OneLineFormatter("%(levelname)s %(message)s").format(record)
    assert len(line.splitlines()) == 1
    assert r"b\x0a2026 INFO root: forged\x1b[31m\u2028" in line


@pytest.mark.parametrize("rate", ["sixty", "", "60/fortnight", "10/second;many"])
def test_a_mistyped_rate_stops_the_start(settings: Settings, rate: str) -> None:
    with pytest.raises(SettingsError, match=r"api\.rate_limit.*60/minute"):
        client_of(settings, rate_limit=rate)


def test_a_rate_that_would_refuse_every_call_stops_the_start(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"api\.rate_limit.*no calls"):
        client_of(settings, rate_limit="10/second;0/hour")


@pytest.mark.parametrize(
    ("charset", "status"), [("gbk", 415), ("utf-16", 415), ("UTF8", 202), ('"Utf-8"', 202), ("us-ascii", 202)]
)
def test_a_body_is_utf_8(settings: Settings, charset: str, status: int) -> None:
    answer = client_of(settings).post(
        URL, data=b'{"word": "\\u706b"}', content_type=f"application/json; charset={charset}"
    )
    assert answer.status_code == status
    if status == 415:
        assert (answer.get_json()["code"], charset in answer.get_json()["detail"]) == ("unsupported_media_type", True)


def test_a_body_has_few_levels(settings: Settings) -> None:
    """Every depth has the same answer, however deep the call that reads it."""
    client = client_of(settings)
    for depth in (20, *range(900, 1000), 10_000):
        answer = client.post(
            URL, data=b'{"word":' + b"[" * depth + b"]" * depth + b"}", content_type="application/json"
        )
        assert (answer.status_code, answer.get_json()["code"]) == (422, "malformed_json")
    answer = client.post(URL, data=b'{"word":' + b"[" * 19 + b"]" * 19 + b"}", content_type="application/json")
    assert answer.get_json()["code"] == "wrong_type"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"word": "学" * 10_000}, "invalid_word"),
        ({"x" * 60_000: 1}, "unknown_field"),
        ({"conditioning_methods": {"canny": ["x" * 60_000]}}, "unknown_method"),
        ({"conditioning_methods": {"x" * 60_000: ["x"]}}, "invalid_value"),
        ({f"x{number}": 1 for number in range(5000)}, "unknown_field"),
    ],
)
def test_a_problem_is_short_however_long_the_request(settings: Settings, fields: dict[str, Any], code: str) -> None:
    answer = client_of(settings).post(URL, json={"word": "山"} | fields)
    assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert len(answer.data) < 50_000
    assert len(answer.get_json()["detail"]) <= 1000


def test_bytes_that_are_no_utf_8_are_malformed(settings: Settings) -> None:
    for body in ('{"word": "火"}'.encode("gbk"), '{"word": "火"}'.encode("utf-16")):
        answer = client_of(settings).post(URL, data=body, content_type="application/json")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "malformed_json")
        assert "UTF-8" in answer.get_json()["detail"]


def test_other_methods_are_told_which_there_are(settings: Settings) -> None:
    client = client_of(settings)
    assert "POST" in client.get(URL).headers["Allow"]
    assert client.options(URL).status_code == 200
