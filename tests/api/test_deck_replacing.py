"""Words of a deck that get another picture."""

import base64
import io
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from shared.queue.decks import DeckStore
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.schemas import AIGenerationResult, JobError
from shared.settings import Settings
from tests.api.clients import ALICE, BOB, KEYS, OPERATOR, client_of
from tests.api.drawn_jobs import RESULT, draw
from tests.api.test_decks import DECKS, made, problem
from tests.api.test_job_list import submit
from tests.helpers import taken

Draw = Callable[..., None]


@pytest.fixture
def drawn(leases: Leases) -> Draw:
    """Ends a job with pictures of the given contents, of which the first is the job's choice."""

    def end(job_id: str, *pictures: bytes) -> None:
        encoded = [base64.b64encode(picture).decode() for picture in pictures]
        fields = {**RESULT.model_dump(), "generated_image_base64": encoded[0], "conditioning_images_base64": {}}
        if len(encoded) > 1:
            fields["variations"] = [
                {"generated_image_base64": one, "seed": number, "legibility": {}, "kept": number == 0}
                for number, one in enumerate(encoded)
            ]
        draw(leases, job_id, AIGenerationResult(**fields))

    return end


def put(
    client: FlaskClient, deck: dict[str, Any], index: int, headers: dict[str, str] | None = None, **body: Any
) -> Any:
    return client.put(f"{DECKS}/{deck['deck_id']}/words/{index}", json=body, headers=headers)


def pictures(client: FlaskClient, deck: dict[str, Any]) -> list[bytes]:
    """Return the pictures of a deck's archive."""
    with zipfile.ZipFile(io.BytesIO(client.get(deck["zip_url"]).data)) as archive:
        return [archive.read(name) for name in sorted(archive.namelist()) if name.endswith(".png")]


def polled(client: FlaskClient, deck: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = client.get(f"{DECKS}/{deck['deck_id']}").get_json()
    return document


def test_a_new_picture_takes_the_place_of_the_old_one(anyone: FlaskClient, drawn: Draw) -> None:
    deck = made(anyone, ["山", "水"])
    for word, picture in zip(deck["words"], (b"1", b"2"), strict=True):
        drawn(word["job_id"], picture)
    again = submit(anyone, "水", seed=9)
    drawn(again, b"new")
    answers = [put(anyone, deck, 1, job_id=again) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], "safe to repeat"
    word = answers[1].get_json()
    assert word == polled(anyone, deck)["words"][1]
    assert (word["job_id"], word["status"], word["image_url"]) == (
        again, "succeeded", f"/api/writing/jobs/{again}/image"
    )  # fmt: skip
    assert (word["reading"], word["meaning"]) == (deck["words"][1]["reading"], deck["words"][1]["meaning"])
    assert pictures(anyone, deck) == [b"1", b"new"]
    assert anyone.get(f"/api/writing/jobs/{again}").get_json()["deck_id"] == deck["deck_id"]


def test_a_variation_can_be_chosen(anyone: FlaskClient, drawn: Draw) -> None:
    deck = made(anyone, ["山"])
    drawn(deck["words"][0]["job_id"], b"1")
    again = submit(anyone, "山", variations=3)
    drawn(again, b"a", b"b", b"c")
    word = put(anyone, deck, 0, job_id=again, variation=2).get_json()
    assert word["image_url"] == f"/api/writing/jobs/{again}/variations/2/image"
    assert pictures(anyone, deck) == [b"c"]
    assert problem(put(anyone, deck, 0, job_id=again, variation=3)) == (404, "variation_not_found", None)
    assert problem(put(anyone, deck, 0, job_id=deck["words"][0]["job_id"], variation=0))[1] == "variation_not_found"
    put(anyone, deck, 0, job_id=again)
    assert pictures(anyone, deck) == [b"a"]


def test_the_card_gets_the_meaning_that_was_drawn(anyone: FlaskClient) -> None:
    deck = made(anyone, [{"word": "长", "reading": "(free text)"}])
    same = put(anyone, deck, 0, job_id=submit(anyone, "长")).get_json()
    assert (same["reading"], same["meaning"]) == ("(free text)", "long")
    other = put(anyone, deck, 0, job_id=submit(anyone, "长", reading="zhǎng")).get_json()
    assert (other["reading"], other["meaning"]) == ("zhǎng", "to grow")


def test_a_refused_word_keeps_what_the_list_says_of_it(anyone: FlaskClient) -> None:
    listed = {"word": "学习", "translation": "study", "reading": "(free text)", "style": "cubist"}
    deck = made(anyone, ["山", listed, {"word": 7, "translation": "\ud800" * 300, "reading": ["x"]}])
    word, wrong = deck["words"][1:]
    assert (word["status"], word["meaning"], word["reading"]) == ("refused", "study", "(free text)")
    assert (wrong["status"], wrong["word"], len(wrong["meaning"]), wrong["reading"]) == ("refused", "", 200, "")
    drawn = put(anyone, deck, 1, job_id=submit(anyone, "学习", translation="study")).get_json()
    assert (drawn["meaning"], drawn["reading"]) == ("study", "(free text)")


def test_a_refused_word_can_be_corrected(anyone: FlaskClient, drawn: Draw) -> None:
    deck = made(anyone, ["山", "学习😀"])
    drawn(deck["words"][0]["job_id"], b"1")
    job_id = submit(anyone, "学习")
    word = put(anyone, deck, 1, job_id=job_id).get_json()
    assert (word["word"], word["reading"], word["status"], word["error"]) == ("学习", "xuéxí", "queued", None)
    now = polled(anyone, deck)
    assert (now["is_finished"], now["counts"]["refused"], now["counts"]["queued"]) == (False, 0, 1)
    assert problem(anyone.get(deck["zip_url"])) == (409, "deck_not_finished", None)
    drawn(job_id, b"2")
    assert pictures(anyone, deck) == [b"1", b"2"]
    assert problem(put(anyone, deck, 1, job_id=submit(anyone, "水"))) == (422, "different_word", "job_id")


def test_one_job_may_draw_two_places(anyone: FlaskClient, drawn: Draw) -> None:
    deck = made(anyone, ["山", "山"])
    first, second = (word["job_id"] for word in deck["words"])
    drawn(first, b"1")
    drawn(second, b"2")
    put(anyone, deck, 1, job_id=first)
    assert polled(anyone, deck)["counts"]["succeeded"] == 2
    assert pictures(anyone, deck) == [b"1", b"1"]


def test_words_that_are_replaced_at_the_same_time_are_all_replaced(
    anyone: FlaskClient, client: redis.Redis, store: JobStore, settings: Settings
) -> None:
    deck_id = made(anyone, ["山"] * 20)["deck_id"]
    decks = DeckStore(client, store, settings.queue)
    entries = [replace(entry, meaning=str(index)) for index, entry in enumerate(decks.get(deck_id).entries)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda index: decks.replace(deck_id, index, entries[index]), range(len(entries))))
    assert list(decks.get(deck_id).entries) == entries


def test_what_cannot_be_put_there_is_refused(
    anyone: FlaskClient, client: redis.Redis, leases: Leases, drawn: Draw
) -> None:
    deck = made(anyone, ["山", "水"])
    water, failed, gone = submit(anyone, "水"), submit(anyone, "山"), submit(anyone, "山")
    assert leases.fail(taken(leases, failed), JobError(code="out_of_memory", title="t", detail="d"))
    drawn(gone, b"1")
    client.delete(f"celery-task-meta-{gone}")
    assert problem(put(anyone, deck, 0, job_id=water)) == (422, "different_word", "job_id")
    assert problem(put(anyone, deck, 2, job_id=water)) == (404, "deck_word_not_found", None)
    assert problem(put(anyone, deck, 0, job_id="none")) == (404, "job_not_found", None)
    assert problem(put(anyone, {"deck_id": "none"}, 0, job_id=water)) == (404, "deck_not_found", None)
    assert problem(put(anyone, deck, 0, job_id=failed)) == (409, "job_without_picture", None)
    assert problem(put(anyone, deck, 0, job_id=gone)) == (410, "result_expired", None)
    assert problem(put(anyone, deck, 0)) == (422, "missing_field", "job_id")
    assert problem(put(anyone, deck, 0, job_id=water, seed=7)) == (422, "unknown_field", "seed")
    assert problem(put(anyone, deck, 0, job_id=water, variation=-1)) == (422, "out_of_range", "variation")
    address = f"{DECKS}/{deck['deck_id']}/words/0"
    assert problem(anyone.put(address, data="[]", content_type="application/json")) == (422, "malformed_json", None)
    assert problem(anyone.put(address, data="x"))[1] == "unsupported_media_type"
    assert polled(anyone, deck) == deck


def test_a_record_that_cannot_be_read_is_told(anyone: FlaskClient, client: redis.Redis) -> None:
    deck, job_id = made(anyone, ["山"]), submit(anyone, "山")
    client.hset(f"writing:job:{job_id}", "request", "{")
    assert problem(put(anyone, deck, 0, job_id=job_id)) == (500, "unreadable_record", None)


def test_deck_and_job_belong_to_the_caller(settings: Settings) -> None:
    guarded = client_of(settings, keys=KEYS, operators=("op",))
    deck = made(guarded, ["山"], ALICE)
    of_alice, of_bob = submit(guarded, "山", ALICE), submit(guarded, "山", BOB)
    assert problem(put(guarded, deck, 0, ALICE, job_id=of_bob)) == (404, "job_not_found", None)
    assert problem(put(guarded, deck, 0, BOB, job_id=of_bob)) == (404, "deck_not_found", None)
    assert put(guarded, deck, 0, ALICE, job_id=of_alice).status_code == 200
    assert put(guarded, deck, 0, OPERATOR, job_id=of_alice).status_code == 200


def test_the_deck_is_kept_as_long_as_its_new_picture(anyone: FlaskClient, client: redis.Redis, drawn: Draw) -> None:
    deck = made(anyone, ["山", "水"], {"Idempotency-Key": "k"})
    (idempotency,) = client.keys("writing:idempotency:*")
    key = f"writing:deck:{deck['deck_id']}"
    anyone.delete(f"{DECKS}/{deck['deck_id']}")
    assert client.ttl(key) <= 3600
    waiting, ended = submit(anyone, "山"), submit(anyone, "水")
    drawn(ended, b"2")
    put(anyone, deck, 1, job_id=ended)
    assert client.ttl(key) == client.ttl(idempotency) == client.ttl(f"writing:job:{ended}") > 3600
    put(anyone, deck, 0, job_id=waiting)
    put(anyone, deck, 0, job_id=waiting)
    assert (client.ttl(key), client.ttl(idempotency), client.hget(key, "left")) == (-1, -1, "1")
    anyone.delete(f"/api/writing/jobs/{waiting}")
    assert client.ttl(f"writing:job:{waiting}") <= 3600, "it never started"
    assert client.ttl(key) == client.ttl(idempotency) == client.ttl(f"writing:job:{ended}") > 3600


def test_an_older_picture_does_not_shorten_a_deck_s_life(anyone: FlaskClient, client: redis.Redis, drawn: Draw) -> None:
    deck, *older = made(anyone, ["山", "水"]), submit(anyone, "山"), submit(anyone, "水")
    for job_id in older:
        drawn(job_id, b"1")
        client.expire(f"writing:job:{job_id}", 3600)
    assert put(anyone, deck, 0, job_id=older[0]).status_code == 200
    assert client.ttl(f"writing:deck:{deck['deck_id']}") == -1, "its words still wait"
    for word in deck["words"]:
        drawn(word["job_id"], b"1")
    kept_s = client.ttl(f"writing:deck:{deck['deck_id']}")
    assert put(anyone, deck, 1, job_id=older[1]).status_code == 200
    assert client.ttl(f"writing:deck:{deck['deck_id']}") == pytest.approx(kept_s, abs=60)


@pytest.mark.parametrize("is_ended_first", [True, False])
def test_a_picture_from_elsewhere_does_not_keep_words_that_never_started(
    anyone: FlaskClient, client: redis.Redis, drawn: Draw, is_ended_first: bool
) -> None:
    """Otherwise one picture would keep any number of words that cost no work."""
    deck, picture = made(anyone, ["山", "水", "火"]), submit(anyone, "山")
    if is_ended_first:
        drawn(picture, b"1")
    put(anyone, deck, 0, job_id=picture)
    for word in deck["words"]:
        anyone.delete(word["status_url"])
    if not is_ended_first:
        drawn(picture, b"1")
    never_started = [f"writing:job:{word['job_id']}" for word in deck["words"]]
    assert all(0 < client.ttl(job) <= 3600 for job in never_started)
    assert client.ttl(f"writing:deck:{deck['deck_id']}") == client.ttl(f"writing:job:{picture}") > 3600
    assert pictures(anyone, deck) == [b"1"]


def test_a_picture_of_another_deck_lives_as_long_as_that_deck(
    anyone: FlaskClient, client: redis.Redis, drawn: Draw
) -> None:
    lender, borrower = (
        made(anyone, ["水"], {"Idempotency-Key": "1"}),
        made(anyone, ["山", "水😀"], {"Idempotency-Key": "2"}),
    )
    lent = lender["words"][0]["job_id"]
    drawn(lent, b"2")
    kept = client.ttl(f"writing:job:{lent}")
    assert put(anyone, borrower, 1, job_id=lent).status_code == 200
    anyone.delete(f"{DECKS}/{borrower['deck_id']}")
    assert client.ttl(f"writing:job:{lent}") == kept > 3600


def test_the_deck_is_kept_as_long_as_its_picture_of_another_deck(
    anyone: FlaskClient, client: redis.Redis, drawn: Draw
) -> None:
    lender, borrower = made(anyone, ["水"]), made(anyone, ["山", "水"])
    lent = lender["words"][0]["job_id"]
    drawn(lent, b"2")
    anyone.delete(f"{DECKS}/{borrower['deck_id']}")
    assert client.ttl(f"writing:deck:{borrower['deck_id']}") <= 3600
    assert put(anyone, borrower, 1, job_id=lent).status_code == 200
    assert client.ttl(f"writing:deck:{borrower['deck_id']}") == client.ttl(f"writing:job:{lent}") > 3600


def test_a_picture_that_another_deck_still_draws_keeps_the_deck(
    anyone: FlaskClient, client: redis.Redis, leases: Leases
) -> None:
    lender, borrower = made(anyone, ["水"]), made(anyone, ["山", "水"])
    lent = lender["words"][0]["job_id"]
    taken(leases, lent)
    assert put(anyone, borrower, 1, job_id=lent).status_code == 200
    for word in borrower["words"]:
        assert anyone.delete(word["status_url"]).status_code == 200
    assert client.ttl(f"writing:deck:{borrower['deck_id']}") > 3600


def test_a_deck_is_not_finished_before_pictures_that_others_draw(
    anyone: FlaskClient, client: redis.Redis, drawn: Draw
) -> None:
    """Otherwise its webhook would announce files that cannot be downloaded yet."""
    lender, *borrowers = made(anyone, ["水"]), made(anyone, ["山", "水"]), made(anyone, ["火", "水"])
    lent = lender["words"][0]["job_id"]
    for borrower in borrowers:
        for _ in range(2):
            assert put(anyone, borrower, 1, job_id=lent).status_code == 200
        for word in borrower["words"]:
            drawn(word["job_id"], b"1")
    finished = [f"writing:deck:{borrower['deck_id']}" for borrower in borrowers]
    assert not any(client.hexists(deck, "finished_at") for deck in finished)
    drawn(lent, b"2")
    assert all(client.hexists(deck, "finished_at") for deck in finished)
    assert all(client.ttl(deck) == client.ttl(f"writing:job:{lent}") > 3600 for deck in finished)


def test_a_job_that_ends_brings_no_expired_deck_back(anyone: FlaskClient, client: redis.Redis, drawn: Draw) -> None:
    deck = made(anyone, ["山"])
    client.delete(f"writing:deck:{deck['deck_id']}")
    drawn(deck["words"][0]["job_id"], b"1")
    assert not client.exists(f"writing:deck:{deck['deck_id']}")


def test_a_picture_is_put_there_whatever_can_be_drawn_now(settings: Settings, anyone: FlaskClient, drawn: Draw) -> None:
    """A style or a webhook's host that is gone does not matter: the picture exists."""
    deck, job_id = made(anyone, ["山"]), submit(anyone, "山", style="comic")
    drawn(job_id, b"2")
    later = client_of(settings.model_copy(update={"styles": {"neon": settings.styles["neon"]}}))
    assert put(later, deck, 0, job_id=job_id).status_code == 200
