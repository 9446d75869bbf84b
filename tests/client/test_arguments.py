"""Arguments that Python, requests or the service would misread are refused, before anything is sent."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from writing_client import GenerationRequest, WritingClient, WritingError, WrongInput
from writing_client.hsk import hsk_words

NO_ID: list[Any] = ["", ".", "..", None, 7]
NO_SECONDS: list[Any] = [-1, math.nan, "5"]
Call = Callable[[WritingClient, Any], object]


def of(call: Call, *values: Any) -> list[Any]:
    return [(call, value) for value in values]


@pytest.mark.parametrize(
    ("call", "value"),
    [
        *of(lambda client, value: client.batch([{"word": "山"}], concurrency=value), 0, -1, math.nan, "4", None),
        *of(lambda client, value: client.batch(value), "山水", {"word": "山"}, GenerationRequest(word="山")),
        *of(lambda client, value: client.create_deck(value), "山水", b"\xe5", {"山": "mountain"}),
        *of(lambda client, value: client.create_deck(["山"], idempotency_key=value), "", " ", " key"),
        *of(lambda client, value: client.read_list(value), None, "山", ["山"], {"山": "mountain"}, Path("words.csv")),
        *of(lambda client, value: client.read_list(b"", columns=value), ["word", "translation"]),
        *of(lambda client, value: client.meaning(value), ["山", "水"]),
        *of(lambda client, value: client.job(value), *NO_ID),
        *of(lambda client, value: client.deck(value), *NO_ID),
        *of(lambda client, value: client.deck("d").wait(timeout_s=value), *NO_SECONDS),
        *of(lambda client, value: client.job("j").wait(timeout_s=value), *NO_SECONDS),
    ],
)
def test_it_is_refused_before_anything_is_sent(call: Call, value: Any, scripted: Any) -> None:
    server = scripted()
    with WritingClient(server.url) as client, pytest.raises(WrongInput):
        call(client, value)
    assert server.seen == []


@pytest.mark.parametrize("job_id", ["../decks/d", "j?x=1#y", "j/image", "ж"])
def test_an_id_leads_to_no_other_call(job_id: str, scripted: Any) -> None:
    server = scripted()
    with WritingClient(server.url, retry_s=0) as client, pytest.raises(WritingError):
        client.job(job_id).view()
    ((call, _, _),) = server.seen
    assert call == f"GET /api/writing/jobs/{quote(job_id, safe='')}"


@pytest.mark.parametrize("times", [{"retry_s": math.nan}, {"retry_s": -1}, {"timeout_s": 0}, {"timeout_s": math.nan}])
def test_a_client_needs_times(times: dict[str, Any]) -> None:
    with pytest.raises(WrongInput, match="number"):
        WritingClient(**times)


def test_a_blank_address_is_not_the_one_of_the_environment(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = scripted()
    monkeypatch.setenv("WRITING_URL", server.url)
    with WritingClient("") as client, pytest.raises(WrongInput):
        client.status()
    assert server.seen == []


def test_a_request_of_a_batch_that_is_none_is_an_outcome_of_its_own(scripted: Any) -> None:
    server = scripted()
    requests: list[Any] = ["山", None]
    with WritingClient(server.url) as client:
        errors = [outcome.error for outcome in client.batch(requests)]
    assert [error and error.code for error in errors] == ["wrong_input", "wrong_input"]
    assert server.seen == []


@pytest.mark.parametrize("level", [0, 7, "1"])
def test_a_level_that_hsk_does_not_have_is_no_empty_list(level: Any) -> None:
    with pytest.raises(WrongInput, match="1, 2, 3"):
        hsk_words(level)


@pytest.mark.parametrize("rest", ["word\tlevel\n山\t1\n木\t", "word\tlevel\n山\t1\n木\t1", "山", ""])
def test_a_damaged_list_of_hsk_words_is_not_taken_for_a_shorter_one(
    rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hsk.tsv"
    path.write_text(rest, encoding="utf-8")
    monkeypatch.setattr("writing_client.hsk.LIST", path)
    with pytest.raises(WrongInput, match=str(path)):
        hsk_words(1)
