"""Decks with a running service: drawn, packed, and read back."""

import io
import json
import re
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from PIL import Image

from local.stack import Stack
from tests.helpers import Api, eventually

DECKS = "/api/writing/decks"
STEPS = {"num_inference_steps": 1}
CSV = {"Content-Type": "text/csv; charset=utf-8"}


def make(api: Api, words: list[Any], headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    answer = requests.post(f"{api.url}{DECKS}", json={"words": words, **STEPS, **fields}, headers=headers, timeout=30)
    assert answer.status_code == 202, answer.text
    return answer.json()


def finished(api: Api, deck_id: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        deck = api.get(f"{DECKS}/{deck_id}").json()
        return deck if deck["is_finished"] else None

    return eventually(ended, 120, 0.3)


def test_a_decks_options_may_fill_eight_kilobytes(api: Api) -> None:
    """500 characters, the most that a negative prompt may have, are 4,500 in a URL."""
    query = {"options": json.dumps({"negative_prompt": "模" * 500, **STEPS}, ensure_ascii=False)}
    answer = requests.post(f"{api.url}{DECKS}", params=query, data="山".encode(), headers=CSV, timeout=30)
    assert answer.status_code == 202, answer.text


def notes_of(package: bytes, folder: Path) -> list[tuple[str, list[str]]]:
    """Return the guid and fields of a package's notes, after checking that its media exist."""
    with zipfile.ZipFile(io.BytesIO(package)) as files:
        assert files.testzip() is None
        media = json.loads(files.read("media"))
        assert {*media} | {"media", "collection.anki2"} == {*files.namelist()}
        assert all(Image.open(io.BytesIO(files.read(number))).format == "PNG" for number in media)
        (folder / "collection").write_bytes(files.read("collection.anki2"))
    with sqlite3.connect(folder / "collection") as database:
        rows = database.execute("SELECT guid, flds FROM notes ORDER BY id").fetchall()
    notes = [(guid, fields.split("\x1f")) for guid, fields in rows]
    pictures = {re.search(r'src="([^"]+)"', fields[3])[1] for _, fields in notes}  # type: ignore[index]
    assert pictures == set(media.values())
    return notes


@pytest.fixture(scope="module")
def deck(api: Api) -> dict[str, Any]:
    """A finished deck with three words, one of which cannot be drawn."""
    made = make(
        api, [{"word": "学习", "translation": "to <study>"}, "😀", {"word": "山", "style": "neon"}], name="L/7 山"
    )
    return finished(api, made["deck_id"])


def test_a_deck_is_drawn_and_names_what_it_could_not_draw(deck: dict[str, Any], api: Api) -> None:
    assert deck["counts"] == {
        "queued": 0, "running": 0, "succeeded": 2, "failed": 0, "cancelled": 0, "refused": 1
    }  # fmt: skip
    assert [word["status"] for word in deck["words"]] == ["succeeded", "refused", "succeeded"]
    assert api.get(deck["words"][0]["image_url"]).content.startswith(b"\x89PNG")


def test_the_archive_holds_every_picture_and_a_page_of_them(deck: dict[str, Any], api: Api) -> None:
    answer = api.get(deck["zip_url"])
    assert answer.headers["Content-Type"] == "application/zip"
    assert "filename*=UTF-8''L_7_%E5%B1%B1.zip" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        assert files.namelist() == ["pictures/1-学习.png", "pictures/2-山.png", "index.html"]
        page = files.read("index.html").decode()
        picture = files.read("pictures/2-山.png")
    assert picture == api.get(deck["words"][2]["image_url"]).content
    assert "to &lt;study&gt;" in page


def test_the_package_has_a_card_for_every_picture(deck: dict[str, Any], api: Api, tmp_path: Path) -> None:
    notes = notes_of(api.get(deck["apkg_url"]).content, tmp_path)
    assert [fields[:3] for _, fields in notes] == [["学习", "xuéxí", "to &lt;study&gt;"], ["山", "shān", "mountain"]]
    for _, fields in notes:
        assert fields[4].count("<text") == {"学习": 11, "山": 3}[fields[0]], "every stroke has its number"
        assert "currentColor" in fields[4]


@pytest.mark.slow
def test_a_later_version_has_the_same_notes(deck: dict[str, Any], api: Api, tmp_path: Path) -> None:
    first = notes_of(api.get(deck["apkg_url"]).content, tmp_path)
    later = finished(
        api, make(api, ["山", {"word": "学习", "translation": "to <study>"}], name=deck["name"])["deck_id"]
    )
    second = {fields[0]: guid for guid, fields in notes_of(api.get(later["apkg_url"]).content, tmp_path)}
    assert {fields[0]: guid for guid, fields in first} == second


@pytest.mark.slow
def test_a_csv_may_be_uploaded(api: Api) -> None:
    content = "汉字;意思\n山;mountain\n水;water\n".encode("gb18030")
    query = {"name": "GB", "options": json.dumps(STEPS)}
    answer = requests.post(
        f"{api.url}{DECKS}", params=query, data=content, headers={"Content-Type": "text/csv"}, timeout=30
    )
    assert finished(api, answer.json()["deck_id"])["counts"]["succeeded"] == 2


def test_cancelled_amid_it_keeps_what_is_drawn(api: Api) -> None:
    made = make(api, ["山", *"水火月日人口手" * 4])
    address = f"{DECKS}/{made['deck_id']}"
    eventually(lambda: api.get(address).json()["counts"]["succeeded"])
    requests.delete(f"{api.url}{address}", timeout=30)
    deck = finished(api, made["deck_id"])
    assert deck["counts"]["cancelled"] > 0
    with zipfile.ZipFile(io.BytesIO(api.get(deck["zip_url"]).content)) as files:
        assert len(files.namelist()) == 1 + deck["counts"]["succeeded"]


def test_pictures_that_have_gone_are_told_with_what_to_do(api: Api, stack: Stack) -> None:
    deck = finished(api, make(api, ["山", "水"])["deck_id"])
    client = redis.Redis.from_url(stack.redis_url)
    client.delete(f"celery-task-meta-{deck['words'][0]['job_id']}")
    for address in (deck["zip_url"], deck["apkg_url"]):
        answer = api.get(address)
        assert (answer.status_code, answer.json()["code"]) == (410, "deck_expired")
        assert "1 of 2 pictures" in answer.json()["detail"]
        assert "draw the words without `image_url` again" in answer.json()["detail"]
    assert api.get(f"{DECKS}/{deck['deck_id']}").json()["counts"]["succeeded"] == 2, "the state is still known"
