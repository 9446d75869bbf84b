"""Decks drawn by a service that loses answers, is full, or cannot give a picture for the moment."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.schemas.deck import CardText
from tests.client.drawn_decks import row
from tests.client.scripted import (
    DECKS,
    JOB,
    RESULT,
    STATUS,
    Answer,
    Scripted,
    deck_accepted,
    deck_view,
    refused,
    view,
    word_view,
)
from writing_client import WritingClient, WritingError
from writing_client.deck import Deck
from writing_client.models import ListedRow

CREATE, DECK = f"POST {DECKS}", f"GET {DECKS}/d"
CANCEL = f"DELETE {DECKS}/d"
ROWS = [row(1, "山", "mountain"), row(2, "水", "water")]
BOTH = deck_view(word_view(0, "山"), word_view(1, "水"))
FULL = refused(429, "queue_full", **{"Retry-After": "1"})
Outcome = tuple[str, str | None]


@pytest.fixture
def service(scripted: Any) -> Scripted:
    """A service that draws every word at once, as deck d with job j."""
    server: Scripted = scripted(view=[view("succeeded")], cancel=[view("cancelled")])
    server.script |= {
        "GET /api/writing/status": [Answer(200, STATUS)],
        CREATE: [deck_accepted()],
        DECK: [BOTH],
        CANCEL: [BOTH],
    }
    return server


def draw(server: Scripted, folder: Path, rows: list[ListedRow] = ROWS, **options: Any) -> list[Outcome]:
    """Draw a deck as one run of the command does; return the words with their error's code."""
    with WritingClient(server.url, retry_s=0) as client:
        return [(listed.word, error and error.code) for listed, error in Deck(folder, rows, options).draw(client)]


def bodies(server: Scripted) -> list[dict[str, Any]]:
    return [json.loads(body) for call, _, body in server.seen if call == CREATE]


def keys(server: Scripted) -> list[str]:
    return [headers["Idempotency-Key"] for headers in server.headers_of(CREATE)]


class TestCreation:
    @pytest.mark.parametrize("lost", [Answer(202, {}, is_cut=True), Answer(502, "<html>")])
    def test_a_deck_whose_answer_was_lost_is_found_again(self, service: Scripted, tmp_path: Path, lost: Answer) -> None:
        service.script[CREATE] = [lost, lost, deck_accepted()]
        for _ in range(2):
            with pytest.raises(WritingError):
                draw(service, tmp_path)
        assert draw(service, tmp_path) == [("山", None), ("水", None)]
        assert len(keys(service)) == 3
        assert len(set(keys(service))) == 1
        first, *again = bodies(service)
        assert again == [first, first]
        assert "under_way" not in json.loads((tmp_path / "deck.json").read_text())

    @pytest.mark.parametrize(
        ("status", "calls"),
        [(400, ["comic", "oil"]), (401, ["comic", "oil"]), (403, ["comic", "oil"]), (500, ["comic", "comic", "oil"])],
    )
    def test_a_creation_that_failed_does_not_stand_in_the_way(
        self, service: Scripted, tmp_path: Path, status: int, calls: list[str]
    ) -> None:
        """The list itself may be at fault. Only after a 500 may the service have created the deck all the same."""
        fault = refused(status, "x", None)
        service.script[CREATE] = [fault] * (len(calls) - 1) + [deck_accepted()]
        service.script[DECK] = [deck_view(word_view(0, "山"))]
        with pytest.raises(WritingError):
            draw(service, tmp_path, style="comic")
        assert draw(service, tmp_path, ROWS[:1], style="oil") == [("山", None)]
        assert [body["style"] for body in bodies(service)] == calls

    def test_a_folder_that_cannot_be_written_to_is_known_before_anything_is_drawn(
        self, service: Scripted, tmp_path: Path
    ) -> None:
        (tmp_path / "deck").write_text("a file")
        with pytest.raises(OSError, match="deck"):
            draw(service, tmp_path / "deck")
        assert service.seen == []

    def test_a_refused_deck_is_not_asked_for_again(self, service: Scripted, tmp_path: Path) -> None:
        service.script[CREATE] = [refused(422, "unknown_style"), deck_accepted()]
        with pytest.raises(WritingError, match="why"):
            draw(service, tmp_path)
        assert len(draw(service, tmp_path)) == 2
        assert len(set(keys(service))) == 2

    def test_a_service_that_accepts_fewer_words_gets_fewer_at_a_time(self, service: Scripted, tmp_path: Path) -> None:
        rows = [row(line, word, f"meaning {line}") for line, word in enumerate("山水火木日", start=1)]
        service.script[CREATE] = [refused(422, "deck_too_large"), deck_accepted()]
        assert [code for _, code in draw(service, tmp_path, rows)] == [None] * 5
        assert [len(body["words"]) for body in bodies(service)] == [5, 2, 2, 1]

    def test_a_single_word_that_is_too_large_is_refused(self, service: Scripted, tmp_path: Path) -> None:
        service.script[CREATE] = [refused(422, "deck_too_large")]
        with pytest.raises(WritingError) as caught:
            draw(service, tmp_path)
        assert caught.value.code == "deck_too_large"
        assert [len(body["words"]) for body in bodies(service)] == [2, 1]

    @pytest.mark.parametrize("retry_s", [0, 60])
    def test_a_full_service_is_waited_for_and_the_caller_is_told_at_once(
        self, service: Scripted, tmp_path: Path, retry_s: float
    ) -> None:
        service.script[CREATE] = [FULL, FULL, deck_accepted()]
        told: list[str] = []
        with WritingClient(service.url, retry_s=retry_s) as client:
            drawn = list(Deck(tmp_path, ROWS, {}).draw(client, lambda error: told.append(error.code)))
        assert [error for _, error in drawn] == [None, None]
        assert told == ["queue_full", "queue_full"]
        assert len(set(keys(service))) == 1


class TestDownload:
    @pytest.mark.parametrize("answer", [refused(503, "results_unavailable"), Answer(502, "<html>"), Answer(200, [])])
    def test_a_picture_that_cannot_be_fetched_now_is_fetched_by_the_next_run(
        self, service: Scripted, tmp_path: Path, answer: Answer
    ) -> None:
        service.script[f"GET {JOB}"] = [view("succeeded"), answer, view("succeeded")]
        with pytest.raises(WritingError):
            draw(service, tmp_path)
        assert draw(service, tmp_path) == [("水", None)]
        assert len(bodies(service)) == 1, "nothing is drawn twice"
        assert service.headers_of(CANCEL) == [], "nor cancelled"

    def test_a_word_that_failed_meanwhile_is_drawn_again(self, service: Scripted, tmp_path: Path) -> None:
        service.script[DECK] = [refused(503, "queue_unavailable")]
        with pytest.raises(WritingError):
            draw(service, tmp_path)
        service.script |= {
            DECK: [deck_view(word_view(0, "山"), word_view(1, "水", "failed"))],
            CREATE: [deck_accepted("e")],
            f"GET {DECKS}/e": [deck_view(word_view(0, "水"), deck_id="e")],
        }
        assert draw(service, tmp_path) == [("山", None), ("水", None)]

    def test_a_deck_that_is_gone_is_drawn_anew(self, service: Scripted, tmp_path: Path) -> None:
        service.script[DECK] = [refused(503, "queue_unavailable"), refused(404, "deck_not_found", None)]
        with pytest.raises(WritingError):
            draw(service, tmp_path)
        service.script |= {CREATE: [deck_accepted("e")], f"GET {DECKS}/e": [BOTH]}
        assert draw(service, tmp_path) == [("山", None), ("水", None)]

    @pytest.mark.parametrize("code", ["result_expired", "job_not_found"])
    def test_a_picture_that_is_gone_is_an_error_of_its_row(self, service: Scripted, tmp_path: Path, code: str) -> None:
        service.script[f"GET {JOB}"] = [refused(410, code), view("succeeded")]
        assert draw(service, tmp_path) == [("山", code), ("水", None)]

    def test_a_word_without_a_picture_says_why(self, service: Scripted, tmp_path: Path) -> None:
        error = {"code": "out_of_memory", "title": "T.", "detail": "too large", "field": None}
        service.script[DECK] = [deck_view(word_view(0, "山", "failed", error=error), word_view(1, "水", "cancelled"))]
        assert draw(service, tmp_path) == [("山", "out_of_memory"), ("水", "cancelled")]

    def test_a_closed_iterator_cancels_the_deck(self, service: Scripted, tmp_path: Path) -> None:
        with WritingClient(service.url, retry_s=0) as client:
            drawing = Deck(tmp_path, ROWS, {}).draw(client)
            next(drawing)
            drawing.close()
        assert len(service.headers_of(CANCEL)) == 1

    def test_cards_have_the_services_meaning_and_reading(self, service: Scripted, tmp_path: Path) -> None:
        """As in the service's own package, so that Anki finds the same note: a meaning of "-" is none."""
        words = word_view(0, "山", meaning="mountain", reading="shān"), word_view(1, "水", meaning="water")
        service.script[DECK] = [deck_view(*words)]
        rows = [row(1, "山", "-"), row(2, "水", "water", "mizu")]
        draw(service, tmp_path, rows)
        assert [(card.meaning, card.reading) for card in Deck(tmp_path, rows, {}).cards] == [
            ("mountain", "shān"),
            ("water", "mizu"),
        ]

    def test_a_card_of_the_longest_prompt_is_one_of_the_service(self, service: Scripted, tmp_path: Path) -> None:
        service.script[f"GET {JOB}"] = [view("succeeded", result={**RESULT, "prompt_used": "p" * 5000})]
        draw(service, tmp_path)
        assert len([CardText.model_validate(card.model_dump()) for card in Deck(tmp_path, ROWS, {}).cards]) == 2


class TestChangedCommand:
    """A client was killed, and the next command wants something else."""

    @pytest.fixture
    def killed(self, service: Scripted, tmp_path: Path) -> Scripted:
        service.script[DECK] = [refused(503, "queue_unavailable")]
        with pytest.raises(WritingError):
            draw(service, tmp_path, style="comic")
        service.seen.clear()
        waiting = [word_view(index, "?", "queued", job_id="j") for index in range(2)]
        service.script |= {DECK: [deck_view(*waiting), BOTH], CREATE: [deck_accepted("e")], f"GET {DECKS}/e": [BOTH]}
        return service

    def test_with_another_style_the_old_deck_is_cancelled(self, killed: Scripted, tmp_path: Path) -> None:
        assert len(draw(killed, tmp_path, style="oil")) == 2
        assert [call for call, _, _ in killed.seen if not call.startswith("GET")] == [CANCEL, CREATE]

    def test_a_word_that_is_not_wanted_any_more_is_cancelled(self, killed: Scripted, tmp_path: Path) -> None:
        assert draw(killed, tmp_path, ROWS[:1], style="comic") == [("山", None)]
        assert [call for call, _, _ in killed.seen if not call.startswith("GET")] == [f"DELETE {JOB}"]
