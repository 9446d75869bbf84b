"""Whether the engine can draw with a checkpoint: diffusers also loads kinds of SDXL that need another loop."""

from collections.abc import Iterator
from typing import Any

from worker.engine.solvers import Solver

TEXT_ENCODERS = ("text_encoder", "text_encoder_2")


def unsupported_parts(pipeline: Any, solver: Solver) -> list[str]:
    """Return why the engine cannot draw with a pipeline, each reason beginning with its part; [] if it can.

    Args:
        pipeline: diffusers' SDXL + Union ControlNet pipeline.
        solver: the solver for all steps.
    """
    return [*_text_faults(pipeline), *_network_faults(pipeline), *_scheduler_faults(pipeline.scheduler, solver)]


def _text_faults(pipeline: Any) -> Iterator[str]:
    for part in TEXT_ENCODERS:
        if getattr(pipeline, part) is None:
            yield f"{part}: the checkpoint has none, like SDXL's refiner"


def _network_faults(pipeline: Any) -> Iterator[str]:
    unet, controlnet = pipeline.unet.config, pipeline.controlnet.config
    latent_channels = pipeline.vae.config.latent_channels
    if not unet.in_channels == unet.out_channels == latent_channels:
        yield (
            f"unet: it takes {unet.in_channels} channels and returns {unet.out_channels}, "
            f"but the VAE's latents have {latent_channels}; an inpainting model takes more"
        )
    if unet.time_cond_proj_dim is not None:
        yield "unet: it takes the guidance scale as an input (time_cond_proj_dim), like a latent consistency model"
    if controlnet.cross_attention_dim != unet.cross_attention_dim:
        yield (
            f"controlnet: it reads text of {controlnet.cross_attention_dim} channels, "
            f"but the UNet of {unet.cross_attention_dim}; it is for another model"
        )


def _scheduler_faults(scheduler: Any, solver: Solver) -> Iterator[str]:
    # Every solver takes its sigmas from the betas. Configurations of EDM and flow matching have none, and diffusers
    # would fill in those of another model.
    if "beta_start" not in scheduler.config:
        yield f"scheduler: {type(scheduler).__name__} has no betas, like those of EDM and flow matching"
        return
    try:
        solver.schedule(scheduler.config, 2)
    except (ValueError, NotImplementedError) as error:
        yield f"scheduler: {error}"
