"""The arithmetic of pictures, counted on tensors without data: exact for any configuration, on any machine."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from diffusers import ControlNetUnionModel, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from bench.sdxl import FULL
from worker.engine.request import DrawRequest
from worker.engine.unet import StepCache, outermost_skips, predict, predict_from
from worker.engine.union_controlnet import FusedControl, NetworkInputs, control_residuals

META = torch.device("meta")


def sdxl_networks() -> tuple[UNet2DConditionModel, ControlNetUnionModel]:
    """Return SDXL's UNet and its Union ControlNet, without data."""
    with META:
        return UNet2DConditionModel(**FULL.unet), ControlNetUnionModel(**FULL.controlnet)


def count_steps(unet: UNet2DConditionModel, controlnet: ControlNetUnionModel, request: DrawRequest, side: int) -> float:
    """Return the floating-point operations of all steps of a picture, in convolutions and matrix products.

    Args:
        unet: on any device; it is not run.
        controlnet: on any device; it is not run.
        request: its steps, guidance and intervals matter; its prompt and images do not.
        side: of the square picture, in pixels.
    """
    unet, controlnet = (_without_data(network) for network in (unet, controlnet))
    whole, outermost = count_step(unet, controlnet, side)
    total = 0.0
    for step in range(request.num_inference_steps):
        branches = 2 if request.is_guided(step) else 1
        total += branches * (outermost if request.uses_cache(step) else whole)
    return total


@cache
def count_step(unet: UNet2DConditionModel, controlnet: ControlNetUnionModel, side: int) -> tuple[float, float]:
    """Return one branch's operations of a whole controlled step, and of one from the step cache."""
    latent, first = side // 8, unet.config.block_out_channels[0]
    with META, torch.inference_mode():
        inputs = NetworkInputs(
            latents=torch.empty(1, unet.config.in_channels, latent, latent),
            timesteps=torch.empty(1),
            text=torch.empty(1, 77, unet.config.cross_attention_dim),
            text_embeds=torch.empty(1, _pooled_width(unet)),
            time_ids=torch.empty(1, 6),
        )
        types = controlnet.config.num_control_type
        control = FusedControl(torch.empty(1, first, latent, latent), torch.empty(1, types), torch.empty(1))
        asked, residuals = _count(lambda: control_residuals(controlnet, inputs, control))
        predicted, (_, features) = _count(lambda: predict(unet, inputs, residuals))
        cache = StepCache(features, residuals[: outermost_skips(unet)])
        outermost, _ = _count(lambda: predict_from(unet, inputs, cache))
    return asked + predicted, outermost


def _pooled_width(unet: UNet2DConditionModel) -> int:
    return int(unet.config.projection_class_embeddings_input_dim - 6 * unet.config.addition_time_embed_dim)


def _count(call: Callable[[], Any]) -> tuple[float, Any]:
    with FlopCounterMode(display=False) as counter:
        found = call()
    return float(counter.get_total_flops()), found


def _without_data(network: Any) -> Any:
    if network.device == META:
        return network
    with META:
        return type(network).from_config(network.config)
