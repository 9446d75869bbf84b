"""The engine with the real embedded model: sharing steps, taking turns, previews."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from shared.errors import JobCancelled
from shared.schemas import Priority
from tests.models import engine_model
from tests.watcher import Watcher
from tests.worker.engine_jobs import SIDE, RequestOf, difference, requests_of_fire, submit_together
from worker.engine.engine import Engine
from worker.engine.model_runner import ModelRunner
from worker.engine.preview import Preview
from worker.engine.request import DrawRequest
from worker.glyphs import GlyphRenderer
from worker.progress import NullProgress


def test_jobs_share_steps_and_each_picture_is_the_one_made_alone(engine: Engine, request_of: RequestOf) -> None:
    requests = [request_of(1), request_of(2, num_inference_steps=5), request_of(3, guidance_scale=1.0, prompt="sea")]
    alone = [engine.submit(request, NullProgress()).result() for request in requests]
    together = [future.result() for future in submit_together(engine, requests)]
    assert [drawing.batch_size_max for drawing in alone] == [1, 1, 1]
    assert [drawing.batch_size_max for drawing in together] == [3, 3, 3]
    for one, other in zip(alone, together, strict=True):
        assert difference(one.image, other.image) <= 1


def test_control_images_are_made_ready_by_whoever_submits_them(
    engine: Engine, stock: Any, request_of: RequestOf
) -> None:
    """Bit-identical to diffusers' preprocessing; the engine's thread only transfers them."""
    request = request_of()
    answer = engine.submit(request, NullProgress())
    ready = vars(request)["control_tensors"]
    assert set(ready) == set(request.steering)
    for kind, tensor in ready.items():
        assert torch.equal(tensor.float() / 255, stock.control_image_processor.preprocess(request.control_images[kind]))
    answer.result()


def test_no_more_jobs_share_a_step_than_the_limit_allows(engine: Engine, request_of: RequestOf) -> None:
    drawings = [
        future.result()
        for future in submit_together(engine, [request_of(seed, num_inference_steps=2) for seed in range(5)])
    ]
    assert max(drawing.batch_size_max for drawing in drawings) == 4


def test_sizes_take_turns(engine: Engine, request_of: RequestOf) -> None:
    """Jobs of two sizes run concurrently, without sharing steps."""
    tall = DrawRequest(
        prompt="tall", control_images={"depth": Image.new("RGB", (SIDE, SIDE + 64))}, num_inference_steps=2
    )
    futures = submit_together(engine, [request_of(1, num_inference_steps=9), tall])
    ended: list[int] = []
    for index, future in enumerate(futures):
        future.add_done_callback(lambda _future, index=index: ended.append(index))  # type: ignore[misc]
    drawings = [future.result() for future in futures]
    assert [drawing.image.size for drawing in drawings] == [(SIDE, SIDE), (SIDE, SIDE + 64)]
    assert [drawing.batch_size_max for drawing in drawings] == [1, 1]
    assert ended == [1, 0], "the short job does not wait for the long one"


def test_a_cancelled_job_leaves_at_the_next_step_and_its_mates_go_on(engine: Engine, request_of: RequestOf) -> None:
    cancelled, other = Watcher(cancel_after=1), Watcher()
    futures = [engine.submit(request_of(1, num_inference_steps=5), watcher) for watcher in (cancelled, other)]
    with pytest.raises(JobCancelled):
        futures[0].result()
    assert cancelled.done == [0, 1]
    assert (
        difference(
            futures[1].result().image,
            engine.submit(request_of(1, num_inference_steps=5), NullProgress()).result().image,
        )
        <= 1
    )


def test_a_later_interactive_job_passes_a_bulk_job(stock: Any, request_of: RequestOf) -> None:
    model = engine_model(stock, batch_limit=1)
    engine = Engine(lambda: model)
    ended: list[str] = []
    bulk = Watcher()
    futures = {"bulk": engine.submit(request_of(1, num_inference_steps=12, priority=Priority.BULK), bulk)}
    bulk.started.wait(30)
    futures["interactive"] = engine.submit(request_of(2, num_inference_steps=2), NullProgress())
    for name, future in futures.items():
        future.add_done_callback(lambda _future, name=name: ended.append(name))  # type: ignore[misc]
    for future in futures.values():
        future.result()
    engine.close()
    assert ended == ["interactive", "bulk"]
    assert bulk.done == list(range(13)), "its steps were kept"


def test_a_preview_shows_the_picture_in_the_making(engine: Engine, glyphs: GlyphRenderer) -> None:
    request_of = requests_of_fire(glyphs, 256)
    watcher = Watcher()
    picture = engine.submit(request_of(1, num_inference_steps=9), watcher).result().image
    assert len(watcher.previews) == 2
    last = watcher.previews[-1][1]
    assert last.shape == (32, 32, 3)
    small = np.asarray(picture.resize((32, 32), Image.Resampling.BOX), np.float32)
    assert np.corrcoef(small.ravel(), last.ravel().astype(np.float32))[0, 1] > 0.8


def test_a_preview_that_is_still_on_its_way_is_shown_after_a_later_step(
    engine: Engine, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_here = iter([False, False, True, True])  # checked after the fourth, fifth, sixth and eighth step
    monkeypatch.setattr(Preview, "is_here", property(lambda _preview: next(is_here)))
    watcher = Watcher()
    engine.submit(request_of(1, num_inference_steps=9), watcher).result()
    assert len(watcher.previews) == 2
    assert list(is_here) == []


def test_a_prompt_is_encoded_once(
    model: ModelRunner, engine: Engine, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = model.text.encode
    monkeypatch.setattr(model.text, "encode", lambda text: encoded.append(text) or encode(text))
    for seed in range(3):
        engine.submit(
            request_of(seed, num_inference_steps=1, prompt="once", negative_prompt="never"), NullProgress()
        ).result()
    assert encoded == ["once", "never"]
