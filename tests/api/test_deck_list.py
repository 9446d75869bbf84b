"""A caller's own decks."""

import pytest
import redis
from flask.testing import FlaskClient

from shared.queue.deck_index import READ_AT_ONCE
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.settings import Settings
from tests.api.clients import ALICE, BOB
from tests.api.drawn_jobs import draw
from tests.api.test_decks import DECKS, made
from tests.api.test_job_list import listed as listed_jobs
from tests.api.test_job_list import submit


def make(client: FlaskClient, headers: dict[str, str] | None = None) -> str:
    deck_id: str = made(client, ["山"], headers)["deck_id"]
    return deck_id


def listed(client: FlaskClient, query: str = "", headers: dict[str, str] | None = None) -> tuple[list[str], str | None]:
    answer = client.get(f"{DECKS}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    document = answer.get_json()
    return [deck["deck_id"] for deck in document["decks"]], document["next_cursor"]


def test_pages_lead_from_the_newest_to_the_oldest(anyone: FlaskClient) -> None:
    sent = [make(anyone) for _ in range(5)]
    page, cursor = listed(anyone, "limit=2")
    make(anyone)
    rest, end = listed(anyone, f"cursor={cursor}")
    assert (page + rest, end) == (sent[::-1], None), "a new deck does not shift the pages"


def test_a_page_may_be_longer_than_what_is_read_at_a_time(anyone: FlaskClient) -> None:
    sent = [make(anyone) for _ in range(READ_AT_ONCE + 2)]
    page, cursor = listed(anyone, f"limit={READ_AT_ONCE + 1}")
    assert (page, listed(anyone, f"cursor={cursor}")) == (sent[:0:-1], (sent[:1], None))


def test_a_corrected_word_is_counted(anyone: FlaskClient) -> None:
    deck = made(anyone, ["山", "学习😀"])
    anyone.put(f"{DECKS}/{deck['deck_id']}/words/1", json={"job_id": submit(anyone, "学习")})
    (shown,) = anyone.get(DECKS).get_json()["decks"]
    assert (shown["total"], shown["counts"]["queued"], shown["counts"]["refused"]) == (2, 2, 0)


def test_a_deck_is_shown_with_its_name_and_counts(
    anyone: FlaskClient, client: redis.Redis, store: JobStore, settings: Settings
) -> None:
    deck = made(anyone, ["山", "水", "火", "😀"], name="Lesson 7")
    drawn, gone, _ = (word["job_id"] for word in deck["words"] if word["job_id"])
    draw(Leases(client, store, settings.queue, "w"), drawn)
    client.delete(f"writing:job:{gone}")
    (shown,) = anyone.get(DECKS).get_json()["decks"]
    polled = anyone.get(shown["status_url"]).get_json()
    names = ("deck_id", "name", "is_finished", "total", "counts", "zip_url", "apkg_url")
    assert [shown[name] for name in names] == [polled[name] for name in names]
    assert shown["counts"] == {
        "queued": 1, "running": 0, "succeeded": 1, "failed": 1, "cancelled": 0, "refused": 1
    }  # fmt: skip
    assert shown["created_at"] == float(client.hget(f"writing:deck:{deck['deck_id']}", "created_at") or 0)
    anyone.delete(shown["status_url"])
    assert anyone.get(DECKS).get_json()["decks"][0]["is_finished"]


def test_each_caller_sees_its_own(guarded: FlaskClient) -> None:
    of_alice, of_bob = make(guarded, ALICE), make(guarded, BOB)
    assert listed(guarded, headers=ALICE) == ([of_alice], None)
    assert listed(guarded, headers=BOB) == ([of_bob], None)


def test_decks_that_are_gone_are_forgotten(anyone: FlaskClient, client: redis.Redis) -> None:
    gone, kept = make(anyone), make(anyone)
    client.delete(f"writing:deck:{gone}")
    assert listed(anyone) == ([kept], None)
    client.delete(f"writing:deck:{kept}")
    newest = make(anyone)
    assert client.zrange("writing:decks:", 0, -1) == [newest]


def test_the_list_lives_as_long_as_the_decks(anyone: FlaskClient, client: redis.Redis, settings: Settings) -> None:
    deck_id = make(anyone)
    assert client.ttl("writing:decks:") == -1
    anyone.delete(f"{DECKS}/{deck_id}")
    assert client.ttl("writing:decks:") == settings.queue.record_ttl_s
    make(anyone)
    assert client.ttl("writing:decks:") == -1


def test_cursors_of_other_lists_are_refused(guarded: FlaskClient) -> None:
    for word in "山水":
        submit(guarded, word, ALICE)
        make(guarded, ALICE)
    (_, of_jobs), (_, of_alice) = listed_jobs(guarded, "limit=1", ALICE), listed(guarded, "limit=1", ALICE)
    for cursor, headers in ((of_jobs, ALICE), (of_alice, BOB), ("x", ALICE)):
        answer = guarded.get(f"{DECKS}?cursor={cursor}", headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_cursor")
        assert "decks" in answer.get_json()["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "status=queued"])
def test_what_cannot_be_asked_is_refused_with_its_field(anyone: FlaskClient, query: str) -> None:
    answer = anyone.get(f"{DECKS}?{query}")
    assert (answer.status_code, answer.get_json()["field"]) == (422, query.partition("=")[0])
