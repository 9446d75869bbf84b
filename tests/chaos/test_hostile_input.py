"""No input from a client causes a 5xx or a hang."""

import json
import random
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings

from local.stack import Stack
from tests.helpers import answers

URL = "/api/writing/generate-writing-image"
VALID: dict[str, Any] = {
    "word": "学习", "translation": "study", "style": "comic", "width": 256, "height": 256, "seed": 7,
    "num_inference_steps": 4, "guidance_scale": 3.0, "conditioning_methods": {"canny": ["opencv_canny"]},
    "controlnet_weights": {"depth": 0.5}, "legibility": {"target": 0.5}, "priority": "bulk",
    "imagery": ["books", "owl"], "draw_imagery": True,
}  # fmt: skip
JUNK: list[Any] = [
    None, True, -1, 0, 1e308, 2**70, "", " ", "\u0000", "\ud800", "学" * 5000, "<script>", "../../etc/passwd",
    "{{7*7}}", [], [[]] * 50, {}, {"a": {"b": {}}}, {"canny": 1}, float("nan"), float("inf"), "https://169.254.169.254/",
    "1; DROP TABLE jobs",
]  # fmt: skip


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """API and Redis; refusing needs no worker."""
    folder = tmp_path_factory.mktemp("hostile")
    environment = {"WRITING_QUEUE__LIMIT": "20"}
    with Stack(workers=0, data_folder=folder / "redis", log_folder=folder, environment=environment) as stack:
        stack.wait_for(lambda: answers(stack.url), 60, "the API")
        yield stack


def mutate(chance: random.Random) -> bytes:
    """Return a valid request's body with a few faults."""
    document = dict(VALID)
    for _ in range(chance.randint(1, 4)):
        key = chance.choice([*document, "unknown", "__class__"])
        document[key] = chance.choice(JUNK)
    body = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    if chance.random() < 0.3:
        position = chance.randrange(len(body))
        body = body[:position] + bytes([chance.randrange(256)]) + body[position + chance.randint(0, 5) :]
    return body


@pytest.mark.chaos
def test_a_thousand_mutated_bodies(target: Stack) -> None:
    chance = random.Random(3)
    with requests.Session() as session:
        for _ in range(1000):
            body = mutate(chance)
            answer = session.post(target.url + URL, data=body, headers={"Content-Type": "application/json"}, timeout=5)
            assert answer.status_code < 500, body


@pytest.mark.chaos
def test_five_thousand_requests_from_the_description(target: Stack) -> None:
    """Schemathesis generates valid and invalid requests for each call from the OpenAPI document."""
    import schemathesis  # noqa: PLC0415  # takes seconds, also where this test is only collected

    schema = schemathesis.openapi.from_url(f"{target.url}/openapi/openapi.json")
    asked = 0
    for operation in (result.ok() for result in schema.get_all_operations()):

        @settings(max_examples=1200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            answer = case.call(base_url=target.url, timeout=5)
            # No worker runs here, which `/health/ready` reports.
            assert answer.status_code < 500 or answer.json()["code"] == "not_ready", answer.text

        ask()
    assert asked >= 5000
