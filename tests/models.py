"""Small models of the real classes, for engine tests."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from diffusers import ControlNetUnionModel, EulerDiscreteScheduler, UNet2DConditionModel

from shared.schemas import Quality
from shared.settings import Settings, load_settings
from worker.engine.denoiser import Denoiser
from worker.engine.model_runner import ModelRunner, Networks
from worker.engine.placement import Placement
from worker.engine.preview import Previewer
from worker.engine.solvers import SOLVERS
from worker.model_assembly import load_pipeline
from worker.model_loader import ModelLoader

CPU = torch.device("cpu")


@cache
def embedded_settings() -> Settings:
    return load_settings(
        {
            "WRITING_DEVICE": "cpu",
            "WRITING_MODELS__EMBEDDED__DEFAULT_SIZE": "256",
            "WRITING_MODELS__EMBEDDED__DTYPE": "float32",
        }
    )


def embedded_pipeline() -> Any:
    """Return the checkpoint in the repository as diffusers' stock pipeline."""
    settings = embedded_settings()
    return load_pipeline(settings, ModelLoader(settings.active_model.dtype, torch.device("cpu")))


def random_pipeline() -> Any:
    """Return the same classes with random weights, which predict noise with SDXL's timestep spacing."""
    pipeline = embedded_pipeline()
    torch.manual_seed(0)
    pipeline.unet = UNet2DConditionModel.from_config(pipeline.unet.config)
    pipeline.controlnet = ControlNetUnionModel.from_config(pipeline.controlnet.config)
    with torch.no_grad():  # its outputs are initialised to zero, and would test nothing
        for name, parameter in pipeline.controlnet.named_parameters():
            is_fusing = name.startswith(("transformer_layes", "spatial_ch_projs", "task_embedding"))
            parameter.add_(torch.randn_like(parameter) * (0.5 if is_fusing else 0.1))
    pipeline.scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
    )
    return pipeline


@cache
def embedded_previewer() -> Previewer:
    """Fit previews to the embedded VAE once, since that takes most of the time of making a model."""
    return Previewer.fitted(embedded_pipeline().vae, Placement(CPU))


def engine_model(pipeline: Any, *, solver: str = "euler", batch_limit: int = 8, native_size: int = 256) -> ModelRunner:
    """Return a pipeline with the embedded VAE as the engine sees it, on the CPU."""
    exact = Networks("as trained", Denoiser(pipeline.unet, pipeline.controlnet))
    networks: Mapping[Quality, Networks] = {Quality.EXACT: exact, Quality.FAST: exact}
    return ModelRunner(
        pipeline,
        placement=Placement(CPU),
        solver=SOLVERS[solver],
        networks=networks,
        batch_limit=batch_limit,
        native_size=native_size,
        previewer=embedded_previewer(),
    )
