"""The OpenAPI document: who may call, and the headers of responses."""

import re
from typing import Any

import pytest
from flask import Flask

from shared.schemas import CONTROL_TYPES

SUBMIT = "/api/writing/generate-writing-image"
JOB = "/api/writing/jobs/{job_id}"
METHODS = {"get", "post", "put", "delete"}


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/openapi/openapi.json").get_json()
    return found


@pytest.fixture(scope="module")
def calls(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    }


def test_every_call_is_described(app: Flask, calls: dict[tuple[str, str], dict[str, Any]]) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/api/", "/health"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {*calls} == served


def test_generated_clients_get_short_names(calls: dict[tuple[str, str], dict[str, Any]]) -> None:
    names = {call: operation["operationId"] for call, operation in calls.items()}
    assert names["post", SUBMIT] == "jobs_submit"
    assert names["get", "/api/writing/decks"] == "deck_list_read"
    assert len({*names.values()}) == len(names)


def test_every_file_has_a_schema(calls: dict[tuple[str, str], dict[str, Any]]) -> None:
    for call, operation in calls.items():
        for response in operation["responses"].values():
            assert all("schema" in content for content in response.get("content", {}).values()), call


def test_every_call_but_probes_names_its_keys(
    document: dict[str, Any], calls: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for (_, path), operation in calls.items():
        is_open = path in {"/health", "/health/ready"}
        assert operation["security"] == ([] if is_open else [{"bearer": []}, {"header": []}])
        assert ("401" in operation["responses"]) is not is_open
    assert {*document["components"]["securitySchemes"]} == {"bearer", "header"}
    for_operators = {path for (_, path), operation in calls.items() if "403" in operation["responses"]}
    assert for_operators == {"/health/detailed", "/health/warmup"}


def test_every_problem_is_described_as_one(calls: dict[tuple[str, str], dict[str, Any]]) -> None:
    for operation in calls.values():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert [*response["content"]] == ["application/problem+json"], status
                assert response["description"]


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("post", SUBMIT, "202", {"Location", "Preference-Applied", "X-RateLimit-Remaining"}),
        ("post", SUBMIT, "200", {"Location", "Preference-Applied"}),
        ("post", SUBMIT, "429", {"Retry-After", "X-RateLimit-Reset"}),
        ("post", SUBMIT, "503", {"Retry-After"}),
        ("post", SUBMIT, "410", {"Location"}),
        ("post", SUBMIT, "500", {"Location", "X-RateLimit-Limit"}),
        ("post", SUBMIT, "422", {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}),
        ("post", "/api/writing/decks", "202", {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}),
        ("post", "/api/writing/decks", "429", {"X-RateLimit-Limit", "Retry-After"}),
        ("post", "/api/writing/batches", "200", {"X-RateLimit-Limit"}),
        ("post", "/api/writing/word-lists", "200", {"X-RateLimit-Remaining"}),
        ("post", "/api/writing/anki-packages", "429", {"X-RateLimit-Limit", "Retry-After"}),
        ("post", SUBMIT, "401", {"WWW-Authenticate"}),
        ("get", JOB, "200", {"ETag"}),
        ("get", JOB, "304", {"ETag"}),
        ("get", f"{JOB}/image", "200", {"ETag", "Cache-Control", "Vary"}),
        ("get", f"{JOB}/variations/{{variation}}/image", "200", {"ETag", "Cache-Control"}),
        ("get", f"{JOB}/variations/{{variation}}/image", "304", {"ETag"}),
        ("get", f"{JOB}/events", "503", {"Retry-After"}),
        ("get", "/api/writing/styles/{style}/sample", "404", {"Retry-After"}),
        ("get", "/api/writing/imagery/{name}.svg", "200", {"ETag", "Cache-Control"}),
        ("get", "/api/writing/imagery/{name}.svg", "304", {"ETag"}),
        ("get", "/api/writing/decks/{deck_id}.zip", "200", {"Content-Disposition"}),
        ("get", "/api/writing/decks/{deck_id}.apkg", "409", {"Retry-After"}),
        ("get", "/health/ready", "503", {"Retry-After"}),
    ],
)
def test_answers_carry_the_headers_that_are_described(
    calls: dict[tuple[str, str], dict[str, Any]], method: str, path: str, status: str, headers: set[str]
) -> None:
    assert headers <= {*calls[method, path]["responses"][status]["headers"]}


def test_the_end_heard_before_is_described(calls: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert "content" not in calls["get", f"{JOB}/events"]["responses"]["204"]


def test_every_call_with_a_body_may_arrive_too_slowly(calls: dict[tuple[str, str], dict[str, Any]]) -> None:
    slow = {path for (_, path), operation in calls.items() if "requestBody" in operation}
    assert len(slow) >= 5
    assert {path for (_, path), operation in calls.items() if "408" in operation["responses"]} == slow


def test_a_batch_s_requests_are_those_of_a_single_call(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    single = "#/components/schemas/GenerationRequest"
    assert schemas["Batch"]["properties"]["requests"]["items"] == {"$ref": single}
    body = document["paths"][SUBMIT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": single}


@pytest.mark.parametrize("schema", ["GenerationRequest", "DeckRequest"])
@pytest.mark.parametrize("field", ["conditioning_methods", "controlnet_weights"])
def test_the_types_of_conditioning_are_listed(document: dict[str, Any], schema: str, field: str) -> None:
    described, null = document["components"]["schemas"][schema]["properties"][field]["anyOf"]
    assert described["propertyNames"]["enum"] == [*CONTROL_TYPES]
    assert null == {"type": "null"}
