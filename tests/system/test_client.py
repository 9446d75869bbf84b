"""The Python client with the real service."""

import io
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from local.stack import Stack
from tests.helpers import LONG, Api, eventually
from writing_client import (
    GenerationRequest,
    JobCancelled,
    Picture,
    Preview,
    Quality,
    Update,
    WritingClient,
    WritingError,
)
from writing_client.models import JobStatus
from writing_client.session import DirectAdapter


@pytest.fixture
def client(stack: Stack) -> Iterator[WritingClient]:
    with WritingClient(stack.url) as made:
        yield made


def test_a_word_is_drawn_and_its_progress_is_told(client: WritingClient, tmp_path: Path) -> None:
    updates: list[Update] = []
    previews: list[Preview] = []
    result = client.generate(
        "学习",
        "study",
        on_progress=updates.append,
        on_preview=previews.append,
        style="neon",
        seed=7,
        num_inference_steps=6,
        imagery="none",
    )
    steps = [update.step for update in updates]
    assert steps == sorted(steps)
    assert steps[-1] == 6
    assert len(set(steps)) >= 3
    assert all(preview.image.startswith(b"\xff\xd8") for preview in previews), "JPEG"
    picture = Picture(result)
    assert (picture.seed, picture.prompt) == (7, "A glowing neon sign depicting study at night")
    assert 0 <= picture.legibility <= 1
    assert sorted(path.name for path in picture.save_maps(tmp_path)) == [
        "canny-opencv_canny.png",
        "depth-distance_transform_depth.png",
        "scribble-skeletonization_scribble.png",
        "segmentation-radical_segmentation.png",
    ]


def test_a_whole_request_may_be_given(client: WritingClient) -> None:
    request = GenerationRequest(word="山", quality=Quality.FAST, num_inference_steps=2, include_conditioning=False)
    result = client.generate(request)
    assert result.generation_metadata["quality"] == "fast"
    assert result.conditioning_images_base64 == {}


@pytest.mark.slow
def test_variations_form_side_by_side_and_each_is_a_picture(client: WritingClient, tmp_path: Path) -> None:
    updates: list[Update] = []
    previews: list[Preview] = []
    result = client.generate(
        "火",
        on_progress=updates.append,
        on_preview=previews.append,
        seed=7,
        variations=2,
        num_inference_steps=6,
        include_conditioning=False,
    )
    assert (updates[-1].step, updates[-1].total_steps) == (12, 12), "all steps of all pictures"
    assert {preview.variation for preview in previews} == {0, 1}
    pictures = Picture(result).variations
    assert [picture.seed for picture in pictures] == [7, 8]
    best = max(pictures, key=lambda picture: picture.legibility)
    assert (Picture(result).png, Picture(result).seed) == (best.png, best.seed)
    for picture in pictures:
        with Image.open(picture.save(tmp_path / f"{picture.seed}.png")) as saved:
            assert json.loads(saved.text["writing-service"])["seed"] == picture.seed
        assert picture.variations == (picture,)


def test_a_job_is_cancelled_and_whoever_waits_is_told(client: WritingClient, stack: Stack) -> None:
    job = client.submit("龍", **LONG)

    def cancel_elsewhere(update: Update) -> None:
        if update.step >= 1:
            with WritingClient(stack.url) as other:
                other.job(job.id).cancel()

    with pytest.raises(JobCancelled):
        job.wait(cancel_elsewhere)
    assert job.view().status is JobStatus.CANCELLED


DRAW: dict[str, Callable[[WritingClient], object]] = {
    "generate": lambda client: client.generate("龍", **LONG),
    "batch": lambda client: list(client.batch([{"word": "龍", **LONG}])),
    "deck": lambda client: client.create_deck(["龍"], **LONG),
}


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_an_interrupt_before_the_answer_to_a_post_cancels_its_job(
    client: WritingClient, api: Api, monkeypatch: pytest.MonkeyPatch, draw: Callable[[WritingClient], object]
) -> None:
    send, answered = DirectAdapter.send, []

    def interrupt_first(adapter: DirectAdapter, request: Any, *arguments: Any, **options: Any) -> Any:
        answered.append(send(adapter, request, *arguments, **options))
        if len(answered) == 1:
            raise KeyboardInterrupt
        return answered[-1]

    monkeypatch.setattr(DirectAdapter, "send", interrupt_first)
    with pytest.raises(KeyboardInterrupt):
        draw(client)
    created = json.loads(answered[0].content)

    def status() -> str:
        view = api.get(created["status_url"]).json()
        return str(view.get("words", [view])[0]["status"])

    assert eventually(lambda: status() == "cancelled")


def test_a_callback_that_fails_cancels_the_job(client: WritingClient, api: Api) -> None:
    def fail(update: Update) -> None:
        raise LookupError("of the caller")

    cancelled = api.get("/health/detailed").json()["service_status"]["ai_status"]["cancelled"]
    with pytest.raises(LookupError):
        client.generate("龍", **LONG, on_progress=fail)
    eventually(lambda: api.get("/health/detailed").json()["service_status"]["ai_status"]["cancelled"] == cancelled + 1)


@pytest.mark.parametrize(
    ("request_fields", "code", "field"),
    [
        ({"word": "😀"}, "unsupported_character", "word"),
        ({"word": "山", "style": "cubist"}, "unknown_style", "style"),
        ({"word": "山", "width": 100}, "out_of_range", "width"),
    ],
)
def test_a_refusal_names_code_and_field(
    client: WritingClient, request_fields: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(WritingError) as caught:
        client.submit(**request_fields)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.field, caught.value.status) == (code, field, 422)


def test_a_batch_gives_every_word_its_outcome(client: WritingClient) -> None:
    requests = [{"word": word, "num_inference_steps": 1} for word in ("山", "😀", "水")]
    outcomes = sorted(client.batch(requests, concurrency=2), key=lambda outcome: outcome.index)
    assert [outcome.request for outcome in outcomes] == requests
    assert [outcome.result is not None for outcome in outcomes] == [True, False, True]
    assert outcomes[1].error is not None
    assert outcomes[1].error.code == "unsupported_character"


def test_the_lexicon_and_the_status_are_asked(client: WritingClient) -> None:
    assert "to study" in client.meaning("学习")
    assert client.meaning("qwx") == []
    with pytest.raises(WritingError) as caught:
        client.meaning("😀")
    assert caught.value.status == 422
    (sense, *_) = client.meanings("学习").senses
    assert (sense.reading, sense.gloss) == ("xuéxí", "to learn")
    assert sense.imagery
    assert client.meanings("学习", translation="umbrella").imagery == ("umbrella",)
    assert sense.imagery[0] in {motif.name for motif in client.imagery("学习", limit=200).motifs}
    assert client.imagery(limit=1).total > 500
    with pytest.raises(WritingError) as caught:
        client.imagery(limit=0)
    assert (caught.value.status, caught.value.field) == (422, "limit")
    status = client.status()
    assert "comic" in status.styles
    assert status.workers


def test_a_deck_is_made_and_downloaded_from_python(client: WritingClient) -> None:
    older = client.create_deck(["火"], name="One", num_inference_steps=1)
    older.cancel()
    deck = client.create_deck(["山", {"word": "水", "style": "neon"}, "😀"], name="Two", num_inference_steps=1)
    assert [(listed.deck_id, listed.total) for listed in islice(client.decks(), 2)] == [(deck.id, 3), (older.id, 1)]
    with pytest.raises(WritingError) as caught:
        deck.download("zip")
    assert caught.value.code == "deck_not_finished"
    view = eventually(lambda: view if (view := deck.view()).is_finished else None)
    assert [word.status for word in view.words] == ["succeeded", "succeeded", "refused"]
    small = client.job(view.words[0].job_id or "").thumbnail(64)
    assert Image.open(io.BytesIO(small)).size == (64, 64)
    assert deck.download("apkg").startswith(b"PK")
    job = client.submit("火", num_inference_steps=1)
    corrected = deck.replace(2, job.id)
    assert (corrected.word, corrected.job_id, corrected.error) == ("火", job.id, None)
    job.wait()
    view = deck.view()
    assert (view.is_finished, view.counts["succeeded"]) == (True, 3)
    assert deck.cancel().counts == view.counts, "an ended job is unchanged"
