"""Imagery over HTTP: the list of motifs, their drawings, the motifs of each sense, and refusals."""

from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from api.app import create_app
from shared.settings import Settings
from shared.writing.imagery import Imagery

SUBMIT = "/api/writing/generate-writing-image"
MOTIFS = "/api/writing/imagery"


def ask(anyone: FlaskClient, path: str, **query: Any) -> dict[str, Any]:
    answer = anyone.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_all_motifs_are_listed_page_by_page(anyone: FlaskClient, imagery: Imagery) -> None:
    listed: list[str] = []
    while True:
        page = ask(anyone, MOTIFS, limit=200, offset=len(listed))
        assert page["total"] == len(imagery.names)
        if not page["motifs"]:
            break
        listed += [motif["name"] for motif in page["motifs"]]
    assert listed == list(imagery.names)
    assert len(ask(anyone, MOTIFS)["motifs"]) == 50


@pytest.mark.parametrize("query", ["books", "Graduation", "书", " dog "])
def test_motifs_are_found_by_name_and_keyword(anyone: FlaskClient, imagery: Imagery, query: str) -> None:
    page = ask(anyone, MOTIFS, query=query, limit=5)
    assert [motif["name"] for motif in page["motifs"]] == [motif.name for motif in imagery.search(query, 5)] != []
    assert page["total"] >= len(page["motifs"])
    for motif in page["motifs"]:
        assert set(motif) == {"name", "phrase", "keywords", "svg_url"}
        assert imagery.phrase(motif["name"]) == motif["phrase"]
        assert anyone.get(motif["svg_url"]).status_code == 200


def test_what_is_not_found_is_an_empty_list(anyone: FlaskClient) -> None:
    assert ask(anyone, MOTIFS, query="qqqq") == {"query": "qqqq", "total": 0, "motifs": []}


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"offset": -1}, {"limit": "x"}, {"query": "x" * 101}])
def test_a_bad_query_names_its_field(anyone: FlaskClient, query: dict[str, Any]) -> None:
    answer = anyone.get(MOTIFS, query_string=query)
    assert (answer.status_code, answer.get_json()["field"]) == (422, next(iter(query)))


@pytest.mark.parametrize("name", ["graduation-cap", "Graduation_Cap", "graduation%20cap"])
def test_a_motif_is_a_strict_svg_that_caches_keep(anyone: FlaskClient, name: str) -> None:
    answer = anyone.get(f"{MOTIFS}/{name}.svg")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    again = anyone.get(f"{MOTIFS}/{name}.svg", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_every_motif_s_svg_is_a_drawing(anyone: FlaskClient, imagery: Imagery) -> None:
    for name in imagery.names[::25]:
        root = ElementTree.fromstring(anyone.get(f"{MOTIFS}/{name}.svg").data)  # noqa: S314  # our own
        tags = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()}
        assert tags == {"svg", "title", "path"}, name


@pytest.mark.parametrize(
    ("name", "nearest"), [("graduaton-cap", "graduation-cap"), ("狗", "dog"), ("qqqqqq", "/imagery")]
)
def test_a_motif_that_is_not_there_is_not_found(anyone: FlaskClient, name: str, nearest: str) -> None:
    answer = anyone.get(f"{MOTIFS}/{name}.svg")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "imagery_not_found")
    assert nearest in answer.get_json()["detail"]


def test_each_sense_has_its_imagery(anyone: FlaskClient, imagery: Imagery) -> None:
    found = ask(anyone, "/api/writing/meanings", word="学习")
    (sense, *_) = found["senses"]
    assert (sense["gloss"], sense["imagery"]) == ("to learn", list(imagery.for_word("学习", "to learn")))
    assert sense["imagery"]
    assert found["readings"] == ["xuéxí"]
    assert found["imagery"] == sense["imagery"], "what a request without further fields would get"
    for sense in ask(anyone, "/api/writing/meanings", word="的")["senses"]:
        assert sense["is_pictured"] or sense["imagery"] == []


@pytest.mark.parametrize(
    ("query", "motif"),
    [
        ({"word": "长", "reading": "zhǎng"}, "seedling"),
        ({"word": "长", "translation": "to grow"}, "seedling"),
        ({"word": "长", "translation": "a red apple"}, "apple"),
        ({"word": "кот", "translation": "cat"}, "cat"),
    ],
)
def test_meanings_say_what_depicts_the_sense_that_is_asked_for(
    anyone: FlaskClient, query: dict[str, str], motif: str
) -> None:
    assert motif in ask(anyone, "/api/writing/meanings", **query)["imagery"]


def test_a_word_that_needs_a_translation_has_no_imagery_yet(anyone: FlaskClient) -> None:
    assert ask(anyone, "/api/writing/meanings", word="ыыы")["imagery"] == []


@pytest.mark.parametrize(("query", "motif"), [("кошка", "cat"), ("고양이", "cat"), ("Schmetterling", "butterfly")])
def test_a_motif_is_found_by_a_word_of_another_language(anyone: FlaskClient, query: str, motif: str) -> None:
    found = ask(anyone, MOTIFS, query=query)
    assert found["total"] == len(found["motifs"])
    assert motif in [one["name"] for one in found["motifs"]]


@pytest.mark.parametrize(
    ("word", "languages"), [("Schmetterling", [{"language": "de", "gloss": "butterfly"}]), ("学习", []), ("qzxy", [])]
)
def test_meanings_name_the_languages_that_a_word_in_latin_letters_may_be_of(
    anyone: FlaskClient, word: str, languages: list[dict[str, str]]
) -> None:
    assert ask(anyone, "/api/writing/meanings", word=word)["languages"] == languages


def test_bad_imagery_is_refused_with_its_field_and_what_is_possible(anyone: FlaskClient) -> None:
    answer = anyone.post(SUBMIT, json={"word": "学", "imagery": "dog"})
    problem = answer.get_json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, "invalid_imagery", "imagery")
    assert '"auto", "none"' in problem["detail"]


def test_a_name_in_another_language_is_told_the_english_ones(anyone: FlaskClient) -> None:
    problem = anyone.post(SUBMIT, json={"word": "学", "imagery": ["狗"]}).get_json()
    assert problem["code"] == "unknown_imagery"
    assert "dog" in problem["detail"]


@pytest.mark.parametrize(
    "fields",
    [
        {"imagery": ["Graduation Cap", "books"]},
        {"imagery": "none", "draw_imagery": True},
        {"imagery": "auto", "draw_imagery": False},
        {"imagery": None, "draw_imagery": None},
    ],
)
def test_good_imagery_is_accepted(anyone: FlaskClient, fields: dict[str, Any]) -> None:
    assert anyone.post(SUBMIT, json={"word": "学", **fields}).status_code == 202


def test_whether_motifs_are_drawn_is_a_boolean(anyone: FlaskClient) -> None:
    problem = anyone.post(SUBMIT, json={"word": "学", "draw_imagery": "yes"}).get_json()
    assert (problem["code"], problem["field"]) == ("wrong_type", "draw_imagery")


def test_blocked_words_are_blocked_as_imagery(settings: Settings) -> None:
    api = settings.api.model_copy(update={"blocked_words": ("alarm",)})
    anyone = create_app(settings.model_copy(update={"api": api})).test_client()
    problem = anyone.post(SUBMIT, json={"word": "学", "imagery": ["alarm-clock"]}).get_json()
    assert (problem["code"], problem["field"]) == ("blocked", "imagery")
    assert anyone.post(SUBMIT, json={"word": "学", "imagery": ["owl"]}).status_code == 202


@pytest.mark.parametrize("model", ["embedded", "sdxl"])
def test_the_status_says_whether_motifs_are_drawn(settings: Settings, model: str) -> None:
    anyone = create_app(settings.model_copy(update={"model": model})).test_client()
    assert ask(anyone, "/api/writing/status")["draw_imagery"] is settings.models[model].draw_imagery
