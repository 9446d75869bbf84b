"""`POST /api/writing/word-lists` and `/anki-packages`: nothing is stored, and faults are named."""

import io
import json
import zipfile

import pytest
from flask.testing import FlaskClient

from shared.schemas.deck import MAX_CARDS
from shared.settings import Settings

LIST, PACKAGE = "/api/writing/word-lists", "/api/writing/anki-packages"
CARD = {"word": "山", "meaning": "mountain", "file": "pictures/1-山.png", "digest": "0" * 24}


def test_a_list_is_read_and_every_line_is_accounted_for(anyone: FlaskClient) -> None:
    content = "汉字;拼音;意思;imagery\n学习;xuéxí;to study;books, owl\n;;nothing;\n山;;;none\n".encode("gb18030")
    answer = anyone.post(LIST, data=content, content_type="text/csv")
    assert answer.status_code == 200
    told = answer.get_json()
    assert told["read_as"].startswith("read as GB18030, separated by semicolon")
    assert [(row["line"], row["word"], row["reading"], row["imagery"]) for row in told["words"]] == [
        (2, "学习", "xuéxí", ["books", "owl"]),
        (4, "山", "", "none"),
    ]
    assert [row["line"] for row in told["refused"]] == [3]
    assert told["notes"] == [{"line": 1, "reason": "the heading"}]


def test_a_list_shows_that_its_translations_are_not_english(anyone: FlaskClient) -> None:
    for meanings, languages in (("mer pain", ["other", "other"]), ("sea bread", ["auto", "auto"])):
        content = "海,{}\n面包,{}\n".format(*meanings.split()).encode()
        told = anyone.post(LIST, data=content, content_type="text/csv").get_json()
        assert [row["translation_language"] for row in told["words"]] == languages


def test_what_nobody_can_tell_may_be_said_in_the_query(anyone: FlaskClient) -> None:
    refused = anyone.post(LIST, data="学校,학교\n".encode(), content_type="text/csv")
    assert (refused.status_code, refused.get_json()["code"]) == (422, "unreadable_list")
    told = anyone.post(f"{LIST}?columns=word,-&encoding=utf-8", data="学校,학교\n".encode(), content_type="text/csv")
    assert [row["word"] for row in told.get_json()["words"]] == ["学校"]


def test_a_declared_encoding_is_taken_and_the_query_comes_first(anyone: FlaskClient) -> None:
    """A few single letters could be in any encoding; the page pastes them, too."""
    content, utf_8 = "ж,zh\nш,sh\n".encode(), "text/csv; charset=utf-8"
    assert anyone.post(LIST, data=content, content_type="text/csv").get_json()["field"] == "encoding"
    assert [row["word"] for row in anyone.post(LIST, data=content, content_type=utf_8).get_json()["words"]] == [
        "ж",
        "ш",
    ]
    wrong = anyone.post(LIST, data="书本\n".encode("gbk"), content_type=utf_8)
    assert (wrong.status_code, wrong.get_json()["field"]) == (422, "encoding")
    told = anyone.post(f"{LIST}?encoding=gbk", data="书本\n".encode("gbk"), content_type=utf_8).get_json()
    assert [row["word"] for row in told["words"]] == ["书本"]


@pytest.mark.parametrize(
    ("path", "content_type"), [(LIST, "application/json"), (LIST, "text/plain"), (PACKAGE, "text/csv")]
)
def test_other_kinds_of_body_are_refused(anyone: FlaskClient, path: str, content_type: str) -> None:
    answer = anyone.post(path, data="{}", content_type=content_type)
    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")


def test_long_lists_are_refused(anyone: FlaskClient, settings: Settings) -> None:
    answer = anyone.post(LIST, data=b"x" * (settings.api.max_list_bytes + 1), content_type="text/csv")
    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")


def test_who_sends_far_too_much_is_told_the_limit_of_the_call(anyone: FlaskClient, settings: Settings) -> None:
    """It is larger than any call's body may be, so it is not even read."""
    answer = anyone.post(LIST, data=b"x" * (2 * settings.api.max_package_bytes), content_type="text/csv")
    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")
    assert answer.get_json()["detail"] == f"the body is larger than {settings.api.max_list_bytes} bytes"


def test_a_reading_that_no_card_can_have_is_left_out(anyone: FlaskClient) -> None:
    r"""U+0092 is an apostrophe of Windows, read in another encoding."""
    content = "word,translation,reading\n西安,Xi'an,xī\x92ān\n山,mountain,shān\n".encode()
    found = anyone.post(LIST, data=content, content_type="text/csv").get_json()
    assert [row.get("reading", "") for row in found["words"]] == ["", "shān"]
    assert {"line": 2, "reason": "its reading contains a control character, so it is left out"} in found["notes"]


def test_a_query_parameter_is_given_once(anyone: FlaskClient) -> None:
    answer = anyone.get("/api/writing/imagery?query=tree&query=house").get_json()
    assert (answer["status"], answer["field"]) == (422, "query")


def test_the_texts_of_the_largest_package_fit_in_a_request(anyone: FlaskClient, settings: Settings) -> None:
    texts = {"word": "学习" * 6, "reading": "xuéxí" * 12, "meaning": "to study, " * 20, "prompt": "with books, " * 30}
    cards = [CARD | texts] * MAX_CARDS
    body = json.dumps({"cards": [*cards[1:], CARD | {"digest": ""}]})  # a wrong one, so that nothing is made
    assert settings.api.max_list_bytes < len(body) < settings.api.max_package_bytes
    answer = anyone.post(PACKAGE, data=body, content_type="application/json").get_json()
    assert (answer["status"], answer["field"]) == (422, f"cards.{MAX_CARDS - 1}.digest")
    answer = anyone.post(PACKAGE, json={"cards": [*cards, CARD]}).get_json()
    assert (answer["status"], answer["code"], answer["field"]) == (422, "too_long", "cards")
    content = b"x" * (settings.api.max_package_bytes + 1)
    assert anyone.post(PACKAGE, data=content, content_type="application/json").status_code == 413


def test_a_package_names_each_picture_once(anyone: FlaskClient) -> None:
    cards = [CARD, {**CARD, "meaning": "hill"}, {**CARD, "word": "Krankenversicherungen", "digest": "1" * 24}]
    answer = anyone.post(PACKAGE, json={"name": "Two", "cards": cards})
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert set(archive.namelist()) == {"media", "collection.anki2", "index.html"}
        assert json.loads(archive.read("media")) == {"0": f"writing-{'0' * 24}.png", "1": f"writing-{'1' * 24}.png"}
        assert "pictures/1-%E5%B1%B1.png" in archive.read("index.html").decode()


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"digest": "../../etc/passwd"}, "cards.0.digest", "invalid_value"),
        ({"word": ""}, "cards.0.word", "too_short"),
        ({"word": "饢" * 13}, "cards.0.word", "too_long"),
        ({"word": "x" * 25}, "cards.0.word", "too_long"),
        ({"meaning": "x" * 501}, "cards.0.meaning", "too_long"),
        *(
            ({field: "a\x1fb"}, f"cards.0.{field}", "invalid_text")
            for field in ("word", "meaning", "reading", "prompt", "file")
        ),
        ({"colour": "red"}, "cards.0.colour", "unknown_field"),
    ],
)
def test_a_wrong_card_is_named(anyone: FlaskClient, changed: dict[str, str], field: str, code: str) -> None:
    answer = anyone.post(PACKAGE, json={"cards": [CARD | changed]})
    assert (answer.status_code, answer.get_json()["field"], answer.get_json()["code"]) == (422, field, code)


def test_the_strokes_of_a_package_are_limited(anyone: FlaskClient) -> None:
    latin = [CARD | {"word": "Hausaufgabe"}] * 1000
    answer = anyone.post(PACKAGE, json={"cards": latin + [CARD | {"word": "山水" * 6}] * 834})
    assert (answer.status_code, answer.get_json()["field"], answer.get_json()["code"]) == (422, "cards", "too_long")
    assert "10008 East Asian characters together; give at most 10000" in answer.get_json()["detail"]
