"""The engine with the real embedded model: shared steps, and errors."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from shared.errors import GenerationFailed, JobCancelled, ModelLoadError, OutOfMemory
from shared.schemas import ControlType, Priority, WorkerState
from tests.models import embedded_pipeline, embedded_settings, engine_model
from tests.watcher import Watcher
from worker.conditioning import make_conditionings
from worker.engine.engine import Engine
from worker.engine.model_runner import ModelRunner
from worker.engine.preview import Preview
from worker.engine.request import Drawing, DrawRequest
from worker.engine.request_state import RequestState
from worker.glyphs import GlyphRenderer
from worker.progress import NullProgress

Maps = dict[ControlType, Image.Image]
CULPRIT = "the culprit"


@pytest.fixture(scope="module")
def stock() -> Any:
    return embedded_pipeline()


@pytest.fixture
def model(stock: Any) -> ModelRunner:
    return engine_model(stock, batch_limit=4)


@pytest.fixture
def engine(model: ModelRunner) -> Iterator[Engine]:
    engine = Engine(lambda: model)
    engine.load().result()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def maps(glyphs: GlyphRenderer) -> Maps:
    glyph = glyphs.render("火", 256, 256)
    return {kind.control_type: kind.generate(glyph) for kind in make_conditionings(embedded_settings().conditioning)}


@pytest.fixture
def request_of(maps: Maps) -> Callable[..., DrawRequest]:
    def make(seed: int = 0, **options: Any) -> DrawRequest:
        defaults = {"prompt": "A neon sign of fire", "num_inference_steps": 3, "guidance_scale": 3.0}
        return DrawRequest(control_images=maps, seed=seed, **{**defaults, **options})

    return make


def submit_together(engine: Engine, requests: list[DrawRequest]) -> list["Future[Drawing]"]:
    """Submit all requests before the engine can take a step with the first ones."""
    hold, go = threading.Event(), threading.Event()

    class Gate(NullProgress):
        def stage(self, name: str) -> None:
            hold.set()
            go.wait(30)

    first = engine.submit(requests[0], Gate())
    hold.wait(30)
    rest = [engine.submit(request, NullProgress()) for request in requests[1:]]
    go.set()
    return [first, *rest]


def difference(first: Image.Image, second: Image.Image) -> int:
    return int(np.abs(np.asarray(first, np.int16) - np.asarray(second, np.int16)).max())


def test_jobs_share_steps_and_each_picture_is_the_one_made_alone(
    engine: Engine, request_of: Callable[..., DrawRequest]
) -> None:
    requests = [request_of(1), request_of(2, num_inference_steps=5), request_of(3, guidance_scale=1.0, prompt="sea")]
    alone = [engine.submit(request, NullProgress()).result() for request in requests]
    together = [future.result() for future in submit_together(engine, requests)]
    assert [drawing.batch_size_max for drawing in alone] == [1, 1, 1]
    assert [drawing.batch_size_max for drawing in together] == [3, 3, 3]
    for one, other in zip(alone, together, strict=True):
        assert difference(one.image, other.image) <= 1


def test_control_images_are_made_ready_by_whoever_submits_them(
    engine: Engine, stock: Any, request_of: Callable[..., DrawRequest]
) -> None:
    """Bit-identical to diffusers' preprocessing; the engine's thread only transfers them."""
    request = request_of()
    answer = engine.submit(request, NullProgress())
    ready = vars(request)["control_tensors"]
    assert set(ready) == set(request.steering)
    for kind, tensor in ready.items():
        assert torch.equal(tensor.float() / 255, stock.control_image_processor.preprocess(request.control_images[kind]))
    answer.result()


def test_no_more_jobs_share_a_step_than_the_limit_allows(
    engine: Engine, request_of: Callable[..., DrawRequest]
) -> None:
    drawings = [future.result() for future in submit_together(engine, [request_of(seed) for seed in range(7)])]
    assert max(drawing.batch_size_max for drawing in drawings) == 4


def test_sizes_take_turns(engine: Engine, request_of: Callable[..., DrawRequest]) -> None:
    """Jobs of two sizes run concurrently, without sharing steps."""
    tall = DrawRequest(prompt="tall", control_images={"depth": Image.new("RGB", (256, 320))}, num_inference_steps=2)
    futures = submit_together(engine, [request_of(1, num_inference_steps=9), tall])
    ended: list[int] = []
    for index, future in enumerate(futures):
        future.add_done_callback(lambda _future, index=index: ended.append(index))  # type: ignore[misc]
    drawings = [future.result() for future in futures]
    assert [drawing.image.size for drawing in drawings] == [(256, 256), (256, 320)]
    assert [drawing.batch_size_max for drawing in drawings] == [1, 1]
    assert ended == [1, 0], "the short job does not wait for the long one"


def test_a_cancelled_job_leaves_at_the_next_step_and_its_mates_go_on(
    engine: Engine, request_of: Callable[..., DrawRequest]
) -> None:
    cancelled, other = Watcher(cancel_after=1), Watcher()
    futures = [engine.submit(request_of(1, num_inference_steps=8), watcher) for watcher in (cancelled, other)]
    with pytest.raises(JobCancelled):
        futures[0].result()
    assert cancelled.done == [0, 1]
    assert (
        difference(
            futures[1].result().image,
            engine.submit(request_of(1, num_inference_steps=8), NullProgress()).result().image,
        )
        <= 1
    )


def test_a_later_interactive_job_passes_a_bulk_job(stock: Any, request_of: Callable[..., DrawRequest]) -> None:
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


def test_a_preview_shows_the_picture_in_the_making(engine: Engine, request_of: Callable[..., DrawRequest]) -> None:
    watcher = Watcher()
    picture = engine.submit(request_of(1, num_inference_steps=9), watcher).result().image
    assert len(watcher.previews) == 2
    last = watcher.previews[-1][1]
    assert last.shape == (32, 32, 3)
    small = np.asarray(picture.resize((32, 32), Image.Resampling.BOX), np.float32)
    assert np.corrcoef(small.ravel(), last.ravel().astype(np.float32))[0, 1] > 0.8


def test_a_preview_that_is_still_on_its_way_is_shown_after_a_later_step(
    engine: Engine, request_of: Callable[..., DrawRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_here = iter([False, False, True, True])  # checked after the fourth, fifth, sixth and eighth step
    monkeypatch.setattr(Preview, "is_here", property(lambda _preview: next(is_here)))
    watcher = Watcher()
    engine.submit(request_of(1, num_inference_steps=9), watcher).result()
    assert len(watcher.previews) == 2
    assert list(is_here) == []


def test_a_prompt_is_encoded_once(
    model: ModelRunner, engine: Engine, request_of: Callable[..., DrawRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = model.text.encode
    monkeypatch.setattr(model.text, "encode", lambda text: encoded.append(text) or encode(text))
    for seed in range(3):
        engine.submit(request_of(seed, prompt="once", negative_prompt="never"), NullProgress()).result()
    assert encoded == ["once", "never"]


def fail_for_culprit(monkeypatch: pytest.MonkeyPatch, model: ModelRunner, place: str) -> None:
    """Make one stage of the job whose prompt is CULPRIT raise."""
    denoiser = next(iter(model.networks.values())).denoiser
    broken = RuntimeError("injected")
    culprit_latents: list[torch.Tensor] = []

    def guard(call: Callable[..., Any], is_culprit: Callable[..., bool]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            if is_culprit(*arguments):
                raise broken
            return call(*arguments)

        return wrapped

    def step(rows: list[RequestState]) -> None:
        original_step(rows)
        culprit_latents.extend(row.latents for row in rows if row.request.prompt == CULPRIT)

    original_step = denoiser.step
    if place == "text":
        monkeypatch.setattr(model.text, "prompt", guard(model.text.prompt, lambda text: text == CULPRIT))
    elif place == "controls":
        monkeypatch.setattr(
            model, "fused_control", guard(model.fused_control, lambda request: request.prompt == CULPRIT)
        )
    elif place == "step":
        monkeypatch.setattr(
            denoiser, "step", guard(denoiser.step, lambda rows: any(row.request.prompt == CULPRIT for row in rows))
        )
    elif place == "decode":
        monkeypatch.setattr(denoiser, "step", step)
        monkeypatch.setattr(
            model.decoder,
            "decode",
            guard(model.decoder.decode, lambda latents: any(latents is one for one in culprit_latents)),
        )


@pytest.mark.parametrize("place", ["text", "controls", "step", "decode"])
def test_a_fault_in_any_stage_fails_that_job_alone(
    model: ModelRunner,
    engine: Engine,
    request_of: Callable[..., DrawRequest],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    good = [request_of(seed) for seed in range(3)]
    expected = [engine.submit(request, NullProgress()).result().image for request in good]
    off = dict.fromkeys(good[0].control_images, 0.0)
    culprit = request_of(9, prompt=CULPRIT, weights={**off, "canny": 0.123})
    fail_for_culprit(monkeypatch, model, place)
    *futures, faulty = submit_together(engine, [*good, culprit])
    with pytest.raises(RuntimeError, match="injected"):
        faulty.result()
    for future, image in zip(futures, expected, strict=True):
        assert difference(future.result().image, image) <= 1


@pytest.mark.parametrize("place", ["stage", "step", "preview"])
def test_an_observer_that_raises_fails_its_own_job_alone(
    engine: Engine, request_of: Callable[..., DrawRequest], place: str
) -> None:
    class Broken(NullProgress):
        pass

    def fail(*_arguments: Any) -> None:
        raise RuntimeError("injected")

    setattr(Broken, place, fail)
    faulty = engine.submit(request_of(1, num_inference_steps=6), Broken())
    healthy = engine.submit(request_of(2, num_inference_steps=6), NullProgress())
    with pytest.raises(RuntimeError, match="injected"):
        faulty.result()
    assert healthy.result().image.size == (256, 256)


def test_values_that_are_no_numbers_fail_the_job(
    model: ModelRunner, engine: Engine, request_of: Callable[..., DrawRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    denoiser = next(iter(model.networks.values())).denoiser
    original = denoiser.step

    def spoil(rows: list[RequestState]) -> None:
        original(rows)
        for row in rows:
            if row.request.prompt == CULPRIT:
                row.latents = row.latents * float("nan")

    monkeypatch.setattr(denoiser, "step", spoil)
    futures = submit_together(engine, [request_of(1), request_of(2, prompt=CULPRIT)])
    assert futures[0].result().image.size == (256, 256)
    with pytest.raises(GenerationFailed, match="NaN or infinite"):
        futures[1].result()


def remember_batches(
    monkeypatch: pytest.MonkeyPatch, model: ModelRunner, most: int, error: Callable[[], Exception]
) -> list[int]:
    """Make steps with more than ``most`` rows raise; return the sizes of the successful ones."""
    denoiser = next(iter(model.networks.values())).denoiser
    original = denoiser.step
    sizes: list[int] = []

    def step(rows: list[RequestState]) -> None:
        if len(rows) > most:
            raise error()
        original(rows)
        sizes.append(len(rows))

    monkeypatch.setattr(denoiser, "step", step)
    return sizes


def test_out_of_memory_splits_the_batch_and_loses_nobody(
    model: ModelRunner,
    engine: Engine,
    request_of: Callable[..., DrawRequest],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    requests = [request_of(seed) for seed in range(6)]
    expected = [engine.submit(request, NullProgress()).result().image for request in requests]
    sizes = remember_batches(monkeypatch, model, 2, lambda: torch.OutOfMemoryError("injected"))
    with caplog.at_level(logging.WARNING, logger="engine"):
        drawings = [future.result() for future in submit_together(engine, requests)]
    assert [difference(drawing.image, image) <= 1 for drawing, image in zip(drawings, expected, strict=True)] == [
        True
    ] * 6
    assert max(sizes) == 2
    assert engine.limit == 2
    assert any("out of memory" in record.message for record in caplog.records)


def test_a_job_that_does_not_fit_alone_fails_with_the_reason(
    model: ModelRunner, engine: Engine, request_of: Callable[..., DrawRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        remember_batches(patched, model, 0, lambda: torch.OutOfMemoryError("injected"))
        with pytest.raises(OutOfMemory, match="does not fit"):
            engine.submit(request_of(1), NullProgress()).result()
    assert engine.submit(request_of(1), NullProgress()).result().image.size == (256, 256)


def test_a_decode_that_does_not_fit_is_tried_in_tiles(
    model: ModelRunner, engine: Engine, request_of: Callable[..., DrawRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, tiled = model.decoder.to_pixels, []

    def decode(latents: torch.Tensor) -> torch.Tensor:
        tiled.append(model.decoder.vae.use_tiling)
        if not tiled[-1]:
            raise torch.OutOfMemoryError("injected")
        return original(latents)

    monkeypatch.setattr(model.decoder, "to_pixels", decode)
    assert engine.submit(request_of(1), NullProgress()).result().image.size == (256, 256)
    assert tiled == [False, True]
    assert not model.decoder.vae.use_tiling, "the next picture is decoded whole again"


def test_a_model_that_cannot_be_loaded_fails_whoever_waits_for_it(request_of: Callable[..., DrawRequest]) -> None:
    def load() -> ModelRunner:
        raise OSError("disk full")

    engine = Engine(load)
    futures: list[Future[Any]] = [engine.load(), engine.submit(request_of(1), NullProgress())]
    for future in futures:
        with pytest.raises(ModelLoadError, match="disk full"):
            future.result()
    assert engine.state is WorkerState.COLD
    engine.close()
