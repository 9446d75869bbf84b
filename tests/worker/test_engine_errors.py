"""Something goes wrong with a job of the engine: it ends with the reason, and the others go on."""

import copy
import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image

from shared.errors import GenerationFailed, ModelLoadError, OutOfMemory
from shared.schemas import WorkerState
from tests.models import engine_model
from tests.worker.engine_jobs import SIDE, RequestOf, difference, running, submit_together
from worker.engine.decoder import TILE, Decoder
from worker.engine.engine import Engine
from worker.engine.model_runner import ModelRunner
from worker.engine.placement import Placement
from worker.engine.request import DrawRequest
from worker.engine.request_state import RequestState
from worker.progress import NullProgress

CULPRIT = "the culprit"


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


@pytest.fixture(scope="module")
def drawn_alone(stock: Any, request_of: RequestOf) -> list[tuple[DrawRequest, Image.Image]]:
    """Requests, each with the picture that it gets alone."""
    requests = [request_of(seed, num_inference_steps=2) for seed in range(4)]
    with running(engine_model(stock)) as engine:
        return [(request, engine.submit(request, NullProgress()).result().image) for request in requests]


@pytest.mark.parametrize("place", ["text", "controls", "step", "decode"])
def test_a_fault_in_any_stage_fails_that_job_alone(
    model: ModelRunner,
    engine: Engine,
    drawn_alone: list[tuple[DrawRequest, Image.Image]],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    good, expected = zip(*drawn_alone[:3], strict=True)
    off = dict.fromkeys(good[0].control_images, 0.0)
    culprit = replace(good[0], seed=9, prompt=CULPRIT, weights={**off, "canny": 0.123})
    fail_for_culprit(monkeypatch, model, place)
    *futures, faulty = submit_together(engine, [*good, culprit])
    with pytest.raises(RuntimeError, match="injected"):
        faulty.result()
    for future, image in zip(futures, expected, strict=True):
        assert difference(future.result().image, image) <= 1


@pytest.mark.parametrize("place", ["stage", "step", "preview"])
def test_an_observer_that_raises_fails_its_own_job_alone(engine: Engine, request_of: RequestOf, place: str) -> None:
    class Broken(NullProgress):
        pass

    def fail(*_arguments: Any) -> None:
        raise RuntimeError("injected")

    setattr(Broken, place, fail)
    faulty = engine.submit(request_of(1, num_inference_steps=6), Broken())
    healthy = engine.submit(request_of(2, num_inference_steps=6), NullProgress())
    with pytest.raises(RuntimeError, match="injected"):
        faulty.result()
    assert healthy.result().image.size == (SIDE, SIDE)


def test_values_that_are_no_numbers_fail_the_job(
    model: ModelRunner, engine: Engine, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
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
    assert futures[0].result().image.size == (SIDE, SIDE)
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
    drawn_alone: list[tuple[DrawRequest, Image.Image]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    requests, expected = zip(*drawn_alone, strict=True)
    sizes = remember_batches(monkeypatch, model, 2, lambda: torch.OutOfMemoryError("injected"))
    with caplog.at_level(logging.WARNING, logger="engine"):
        drawings = [future.result() for future in submit_together(engine, list(requests))]
    assert [difference(drawing.image, image) <= 1 for drawing, image in zip(drawings, expected, strict=True)] == [
        True
    ] * 4
    assert max(sizes) == 2
    assert engine.limit == 2
    assert any("out of memory" in record.message for record in caplog.records)


def test_a_job_that_does_not_fit_beside_another_waits_for_its_end(
    model: ModelRunner, engine: Engine, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not tried again before each step."""
    original, rows, failed = model.row, [], []

    def row(*arguments: Any) -> RequestState:
        if rows and not rows[-1].is_done:
            failed.append(rows[-1].step)
            raise torch.OutOfMemoryError("injected")
        rows.append(original(*arguments))
        return rows[-1]

    monkeypatch.setattr(model, "row", row)
    drawings = [future.result() for future in submit_together(engine, [request_of(1), request_of(2)])]
    assert [drawing.image.size for drawing in drawings] == [(SIDE, SIDE)] * 2
    assert len(failed) == 1
    assert engine.limit == 1


def test_a_job_that_does_not_fit_alone_fails_with_the_reason(
    model: ModelRunner, engine: Engine, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        remember_batches(patched, model, 0, lambda: torch.OutOfMemoryError("injected"))
        with pytest.raises(OutOfMemory, match="does not fit"):
            engine.submit(request_of(1), NullProgress()).result()
    assert engine.submit(request_of(1), NullProgress()).result().image.size == (SIDE, SIDE)


def test_a_decode_that_does_not_fit_is_tried_in_tiles(
    model: ModelRunner, engine: Engine, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, tiled = model.decoder.to_pixels, []

    def decode(latents: torch.Tensor) -> torch.Tensor:
        tiled.append(model.decoder.vae.use_tiling)
        if not tiled[-1]:
            raise torch.OutOfMemoryError("injected")
        return original(latents)

    monkeypatch.setattr(model.decoder, "to_pixels", decode)
    assert engine.submit(request_of(1), NullProgress()).result().image.size == (SIDE, SIDE)
    assert tiled == [False, True]
    assert not model.decoder.vae.use_tiling, "the next picture is decoded whole again"


def test_tiles_are_small_whatever_the_checkpoint_says(model: ModelRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """SDXL's own VAE is made for pictures of 1024 x 1024, and diffusers' tiles are as large as that."""
    vae = copy.deepcopy(model.decoder.vae)
    vae.register_to_config(sample_size=1024)
    vae.tile_sample_min_size, vae.tile_latent_min_size = 1024, 128
    decoder = Decoder(vae, Placement(torch.device("cpu")))
    seen: list[int] = []
    original = vae.decoder.forward
    monkeypatch.setattr(vae.decoder, "forward", lambda latents: seen.append(latents.shape[-1]) or original(latents))
    vae.enable_tiling()
    assert decoder.to_pixels(torch.zeros(1, vae.config.latent_channels, 8, 72)).shape[2:] == (64, 576)
    assert len(seen) > 1
    assert max(seen) <= TILE // 8
    decoder.close()


def test_a_model_that_cannot_be_loaded_fails_whoever_waits_for_it(request_of: RequestOf) -> None:
    def load() -> ModelRunner:
        raise OSError("disk full")

    engine = Engine(load)
    futures: list[Future[Any]] = [engine.load(), engine.submit(request_of(1), NullProgress())]
    for future in futures:
        with pytest.raises(ModelLoadError, match="disk full"):
            future.result()
    assert engine.state is WorkerState.COLD
    engine.close()
