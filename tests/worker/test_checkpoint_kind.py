"""Checkpoints that diffusers loads, but the engine cannot draw with, are refused at load."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from diffusers import (
    ControlNetUnionModel,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    UNet2DConditionModel,
)

from shared.errors import ModelLoadError
from tests.models import embedded_pipeline, embedded_settings, random_pipeline
from worker.engine.checkpoint_kind import unsupported_parts
from worker.engine.solvers import SOLVERS
from worker.gpu_manager import GPUManager
from worker.model_assembly import make_ready


def without_text_encoder(pipeline: Any) -> None:
    pipeline.text_encoder = None


def for_inpainting(pipeline: Any) -> None:
    pipeline.unet = UNet2DConditionModel.from_config(pipeline.unet.config, in_channels=33)


def with_learned_variance(pipeline: Any) -> None:
    pipeline.unet = UNet2DConditionModel.from_config(pipeline.unet.config, out_channels=32)


def for_latent_consistency(pipeline: Any) -> None:
    pipeline.unet = UNet2DConditionModel.from_config(pipeline.unet.config, time_cond_proj_dim=8)


def with_a_controlnet_of_another_model(pipeline: Any) -> None:
    pipeline.controlnet = ControlNetUnionModel.from_config(pipeline.controlnet.config, cross_attention_dim=24)


def with_edm(pipeline: Any) -> None:
    pipeline.scheduler = EDMEulerScheduler(sigma_max=80.0, sigma_min=0.002, sigma_data=0.5)


def with_flow_matching(pipeline: Any) -> None:
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler()


def with_an_unknown_prediction(pipeline: Any) -> None:
    pipeline.scheduler = EulerDiscreteScheduler(prediction_type="flow_prediction")


@pytest.fixture(scope="module")
def stock() -> Any:
    return embedded_pipeline()


@pytest.fixture(scope="module", params=[embedded_pipeline, random_pipeline])
def drawable(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_text_encoder, "text_encoder: the checkpoint has none"),
        (for_inpainting, "unet: it takes 33 channels and returns 16, but the VAE's latents have 16"),
        (with_learned_variance, "unet: it takes 16 channels and returns 32, but the VAE's latents have 16"),
        (for_latent_consistency, "unet: it takes the guidance scale as an input"),
        (with_a_controlnet_of_another_model, "controlnet: it reads text of 24 channels"),
        (with_edm, "scheduler: EDMEulerScheduler has no betas"),
        (with_flow_matching, "scheduler: FlowMatchEulerDiscreteScheduler has no betas"),
        (with_an_unknown_prediction, "scheduler: prediction type 'flow_prediction' is not one of"),
    ],
)
def test_another_kind_of_checkpoint_is_refused_with_its_part(
    stock: Any, change: Callable[[Any], None], reason: str
) -> None:
    """Drawing would fail in every job, or give noise."""
    pipeline, settings = SimpleNamespace(**stock.components), embedded_settings()
    change(pipeline)
    with pytest.raises(ModelLoadError, match=rf"embedded_model cannot be used: {reason}"):
        make_ready(pipeline, settings, GPUManager("cpu", settings.gpu_profiles), "as tested")


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_the_engine_draws_with_is_not_refused(drawable: Any, solver: str) -> None:
    assert unsupported_parts(drawable, SOLVERS[solver]) == []
