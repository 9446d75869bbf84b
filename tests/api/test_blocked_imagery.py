"""What a deployment blocks is neither offered nor suggested."""

import asyncio

import pytest
from flask.testing import FlaskClient

from shared.settings import Settings
from shared.writing.blocklist import Blocklist
from shared.writing.dictionaries import Dictionaries
from shared.writing.imagery import Imagery
from tests.api.clients import client_of
from worker.prompt_builder import PromptBuilder

PET = {"word": "宠物", "translation": "pet"}


@pytest.fixture
def strict(settings: Settings) -> FlaskClient:
    return client_of(settings, blocked_words=("dog",))


def test_auto_is_what_a_worker_draws(
    strict: FlaskClient, settings: Settings, dictionaries: Dictionaries, imagery: Imagery
) -> None:
    assert "dog" in client_of(settings).get("/api/writing/meanings", query_string=PET).get_json()["imagery"]
    suggested = strict.get("/api/writing/meanings", query_string=PET).get_json()["imagery"]
    builder = PromptBuilder(settings.styles, dictionaries, imagery, Blocklist(("dog",)))
    drawn = asyncio.run(builder.build_prompt(PET["word"], translation=PET["translation"])).imagery
    assert suggested == [*drawn] != []


def test_no_sense_names_a_blocked_motif(strict: FlaskClient) -> None:
    senses = strict.get("/api/writing/meanings", query_string={"word": "狗"}).get_json()["senses"]
    assert senses
    assert all("dog" not in sense["imagery"] for sense in senses)


@pytest.mark.parametrize("query", ["dog", "狗", ""])
def test_the_search_finds_no_blocked_motif(strict: FlaskClient, query: str) -> None:
    found: list[str] = []
    while True:
        page = strict.get(
            "/api/writing/imagery", query_string={"query": query, "limit": 200, "offset": len(found)}
        ).get_json()
        found += [motif["name"] for motif in page["motifs"]]
        if not page["motifs"]:
            break
    assert len(found) == page["total"]
    assert "dog" not in found


def test_whatever_is_found_may_be_chosen(settings: Settings, imagery: Imagery) -> None:
    """By its name or by its phrase: both may contain a blocked word."""
    named = next(motif for motif in imagery if motif.phrase.split()[-1] not in motif.name.replace("-", " "))
    strict = client_of(settings, blocked_words=(named.phrase.split()[-1],))
    body = {"word": "山", "imagery": [named.name]}
    answer = strict.post("/api/writing/generate-writing-image", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "blocked")
