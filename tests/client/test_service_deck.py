"""The files of a deck."""

from typing import Any

import pytest

from tests.client.scripted import DECKS, Answer, deck_view, refused, word_view
from writing_client import WaitTimedOut, WritingClient, WritingError, WrongInput

COUNTS_OF = f"GET {DECKS}/d?words=false"


def counted(*, is_finished: bool, **counts: int) -> Answer:
    """Return a deck as polled without its words."""
    answer = deck_view()
    answer.body |= {"is_finished": is_finished, "counts": counts}
    return answer


def test_a_file_that_no_deck_has_is_refused_before_anything_is_sent(scripted: Any) -> None:
    server = scripted()
    with WritingClient(server.url) as client, pytest.raises(WrongInput, match="zip, apkg"):
        client.deck("d").download("pdf")
    assert server.seen == []


def test_waiting_tells_each_change_and_returns_the_deck_with_its_words(scripted: Any) -> None:
    server = scripted()
    server.script |= {
        COUNTS_OF: [
            counted(is_finished=False, queued=1, succeeded=1),
            counted(is_finished=False, queued=1, succeeded=1),
            counted(is_finished=True, succeeded=2),
        ],
        f"GET {DECKS}/d": [deck_view(word_view(0, "山"), word_view(1, "水"))],
    }
    told: list[dict[str, int]] = []
    with WritingClient(server.url) as client:
        deck = client.deck("d").wait(lambda view: told.append(view.counts))
    assert [word.word for word in deck.words] == ["山", "水"]
    assert told == [{"queued": 1, "succeeded": 1}, {"succeeded": 2}]


def test_a_wait_that_takes_too_long_leaves_the_deck(scripted: Any) -> None:
    server = scripted()
    server.script |= {COUNTS_OF: [counted(is_finished=False, queued=1)]}
    with WritingClient(server.url) as client, pytest.raises(WaitTimedOut, match="continues"):
        client.deck("d").wait(timeout_s=0)
    assert [call for call, _, _ in server.seen] == [COUNTS_OF]


def test_waiting_for_an_unknown_deck_ends(scripted: Any) -> None:
    server = scripted()
    server.script |= {COUNTS_OF: [refused(404, "deck_not_found", None)]}
    with WritingClient(server.url) as client, pytest.raises(WritingError) as caught:
        client.deck("d").wait()
    assert caught.value.code == "deck_not_found"


def test_decks_are_listed_from_all_pages(scripted: Any) -> None:
    def page(next_cursor: str | None, *deck_ids: str) -> Answer:
        listed = [deck_view(deck_id=deck_id).body | {"created_at": 0, "status_url": ""} for deck_id in deck_ids]
        return Answer(200, {"decks": listed, "next_cursor": next_cursor})

    server = scripted()
    server.script |= {f"GET {DECKS}": [page("1", "d", "c")], f"GET {DECKS}?cursor=1": [page(None, "b")]}
    with WritingClient(server.url) as client:
        assert [deck.deck_id for deck in client.decks()] == ["d", "c", "b"]
