"""Steps that reuse the deeper levels' features from the previous step."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image

from bench.arithmetic import count_steps, sdxl_networks
from shared.errors import ModelLoadError
from shared.schemas import Quality
from tests.models import embedded_pipeline, embedded_settings, engine_model, random_pipeline
from worker.engine.denoiser import Denoiser
from worker.engine.engine import Engine
from worker.engine.model_runner import ModelRunner
from worker.engine.request import DrawRequest
from worker.engine.request_state import RequestState
from worker.engine.unet import StepCache, predict
from worker.engine.union_controlnet import NetworkInputs, residual_shapes
from worker.gpu_manager import GPUManager
from worker.model_assembly import make_networks
from worker.progress import NullProgress

SIDE = 64


@pytest.fixture(scope="module")
def model() -> ModelRunner:
    return engine_model(random_pipeline())


def request_of(seed: int = 0, **options: Any) -> DrawRequest:
    noise = torch.randint(0, 256, (SIDE, SIDE, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    image = Image.fromarray(noise.numpy())
    defaults = {"num_inference_steps": 6, "guidance_scale": 3.0, "cache_interval": 2}
    return DrawRequest(
        prompt=f"fire {seed}", control_images={"canny": image, "depth": image}, seed=seed, **{**defaults, **options}
    )


def denoiser_of(model: ModelRunner) -> Denoiser:
    return model.networks[Quality.FAST].denoiser


def finish(model: ModelRunner, request: DrawRequest) -> RequestState:
    row = model.row(request)
    while not row.is_done:
        denoiser_of(model).step([row])
    return row


def test_a_cache_that_does_not_fit_advances_no_row(model: ModelRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[StepCache] = []
    original = StepCache.copy

    def second_does_not_fit(cache: StepCache) -> StepCache:
        copies.append(cache)
        if len(copies) == 2:
            raise torch.OutOfMemoryError("injected")
        return original(cache)

    rows = [model.row(request_of(1)), model.row(request_of(2))]
    monkeypatch.setattr(StepCache, "copy", second_does_not_fit)
    with pytest.raises(torch.OutOfMemoryError):
        denoiser_of(model).step(rows)
    assert len(copies) == 2
    assert [row.step for row in rows] == [0, 0]


@pytest.mark.parametrize(
    ("source", "side"),
    [
        pytest.param(embedded_pipeline, 9, id="embedded, odd"),
        pytest.param(embedded_pipeline, 8, id="embedded, even", marks=pytest.mark.slow),
        pytest.param(random_pipeline, 8, id="random, even"),
        pytest.param(random_pipeline, 9, id="random, odd", marks=pytest.mark.slow),
    ],
)
def test_the_unet_in_parts_is_the_unet(source: Callable[[], Any], side: int) -> None:
    pipeline = source()
    unet: UNet2DConditionModel = pipeline.unet
    torch.manual_seed(0)
    rows, pooled = 3, pipeline.text_encoder_2.config.projection_dim
    inputs = NetworkInputs(
        latents=torch.randn(rows, unet.config.in_channels, side, side),
        timesteps=torch.tensor([7.0, 500.0, 999.0]),
        text=torch.randn(rows, 77, unet.config.cross_attention_dim),
        text_embeds=torch.randn(rows, pooled),
        time_ids=torch.full((rows, 6), 64.0),
    )
    residuals = [torch.randn(rows, *shape) for shape in residual_shapes(pipeline.controlnet, side, side)]
    with torch.inference_mode():
        ours, _ = predict(unet, inputs, residuals)
        stock = unet(
            inputs.latents,
            inputs.timesteps,
            inputs.text,
            added_cond_kwargs={"text_embeds": inputs.text_embeds, "time_ids": inputs.time_ids},
            down_block_additional_residuals=tuple(residuals[:-1]),
            mid_block_additional_residual=residuals[-1],
        ).sample
    assert torch.equal(ours, stock)


def test_where_nothing_has_changed_a_step_with_a_cache_is_the_whole_step(model: ModelRunner) -> None:
    """With the same latents at the same timestep, the kept features are the true ones."""
    rows = [model.row(request_of(seed, guidance_scale=scale)) for seed, scale in ((1, 3.0), (2, 1.0), (3, 5.0))]
    started = [row.latents.clone() for row in rows]
    denoiser_of(model).step(rows)
    whole = [row.latents for row in rows]
    for row, latents in zip(rows, started, strict=True):
        first = replace(row.schedule, timesteps=row.schedule.timesteps[:1] * 6, steps=row.schedule.steps[:1] * 6)
        row.schedule, row.latents = first, latents
    assert all(row.uses_cache for row in rows)
    denoiser_of(model).step(rows)
    for row, expected in zip(rows, whole, strict=True):
        assert torch.allclose(row.latents, expected, atol=1e-5)


@pytest.mark.parametrize("interval", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_a_picture_is_the_same_alone_and_among_others(model: ModelRunner, interval: int) -> None:
    requests = [
        request_of(1, cache_interval=interval),
        request_of(2, cache_interval=interval, guidance_end=0.5),
        request_of(3, cache_interval=interval, guidance_scale=1.0),
        request_of(4, cache_interval=interval, weights={"canny": 0.0, "depth": 0.0}),
    ]
    alone = [finish(model, request).latents for request in requests]
    rows = [model.row(request) for request in requests]
    for _ in range(6):
        denoiser_of(model).step(rows)
    for row, expected in zip(rows, alone, strict=True):
        assert torch.allclose(row.latents, expected, atol=1e-4)


def test_the_steps_that_reuse_are_told_by_interval_and_by_the_controls() -> None:
    assert [request_of().uses_cache(step) for step in range(6)] == [False, True] * 3
    assert [request_of(cache_interval=3).uses_cache(step) for step in range(6)] == [False, True, True] * 2
    assert not any(request_of(cache_interval=1).uses_cache(step) for step in range(6))
    freed = request_of(control_guidance_end=0.5)
    assert [freed.is_controlled(step) for step in range(6)] == [True] * 3 + [False] * 3
    assert not freed.uses_cache(3), "the controls' effect must not persist"


def test_the_cache_is_kept_no_longer_than_it_is_used(model: ModelRunner) -> None:
    row = model.row(request_of())
    kept = []
    while not row.is_done:
        denoiser_of(model).step([row])
        kept.append(row.cache is not None)
    assert kept == [True, False] * 3
    assert finish(model, request_of(cache_interval=1)).cache is None


def test_jobs_out_of_step_come_into_step(model: ModelRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full and partial steps cannot share a batch; taking turns synchronises jobs that arrived one step apart."""
    batches: list[list[bool]] = []
    step = Denoiser.step

    def noted(self: Denoiser, rows: Any) -> None:
        batches.append([row.uses_cache for row in rows])
        step(self, rows)

    monkeypatch.setattr(Denoiser, "step", noted)
    engine = Engine(lambda: model)
    requests = [request_of(seed, num_inference_steps=16, quality=Quality.FAST) for seed in range(3)]
    drawings = [engine.submit(request, NullProgress()) for request in requests]
    assert all(drawing.result(60).image.size == (SIDE, SIDE) for drawing in drawings)
    engine.close()
    assert all(len(set(batch)) == 1 for batch in batches)
    assert sum(len(batch) == 3 for batch in batches) > 8, "they shared most steps"


def test_a_unet_of_another_form_is_refused_where_it_is_loaded() -> None:
    settings = embedded_settings()
    pipeline = embedded_pipeline()
    config = dict(pipeline.unet.config)
    config["up_block_types"] = ("CrossAttnUpBlock2D",) * 3
    config["down_block_types"] = ("CrossAttnDownBlock2D",) * 3
    pipeline.unet = UNet2DConditionModel.from_config(config)
    with pytest.raises(ModelLoadError, match=r"models\.embedded\.fast\.cache_interval must be 1"):
        make_networks(pipeline, settings, GPUManager("cpu", settings.gpu_profiles), is_compiled=False)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("embedded", 0.47), ("sdxl", 0.45)])
def test_fast_takes_less_than_half_of_the_arithmetic_of_exact(name: str, most: float) -> None:
    """Counted on the real configurations, with tensors without data and the shipped settings."""
    settings = embedded_settings().models[name]
    pipeline = embedded_pipeline()
    unet, controlnet = sdxl_networks() if name == "sdxl" else (pipeline.unet, pipeline.controlnet)
    options = {"num_inference_steps": settings.num_inference_steps, "guidance_scale": settings.guidance_scale}
    exact = request_of(**options, cache_interval=1)
    fast = request_of(**options, cache_interval=settings.fast.cache_interval, guidance_end=settings.fast.guidance_end)
    side = settings.default_size
    assert count_steps(unet, controlnet, fast, side) <= most * count_steps(unet, controlnet, exact, side)
