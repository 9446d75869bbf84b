"""The Union ControlNet in two halves: what depends only on the control images, once per job, and the rest, per step.

diffusers' `ControlNetUnionModel.forward` fuses its control images again at every step. Its fusing attention runs over
the batch axis, so the jobs of one batch change each other's pictures. A job in a batch of one attends only to itself,
where attention is out_proj(v_proj(x)). Neither timestep nor text enters the fused condition. It is therefore computed
once per job, separately, and rows with different controls and weights can share a batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from diffusers import ControlNetUnionModel
from torch.nn.functional import linear

from worker.engine.transfer import send


class NetworkInputs(NamedTuple):
    """The inputs of UNet and ControlNet for each row.

    Attributes:
        latents: (rows, channels, height / 8, width / 8), scaled for the network.
        timesteps: (rows,).
        text: (rows, tokens, width).
        text_embeds: (rows, width), the pooled text.
        time_ids: (rows, 6): original size, crop, target size.
    """

    latents: torch.Tensor
    timesteps: torch.Tensor
    text: torch.Tensor
    text_embeds: torch.Tensor
    time_ids: torch.Tensor

    def pick(self, indices: torch.Tensor) -> "NetworkInputs":
        """Return some of the rows."""
        return NetworkInputs(*(tensor.index_select(0, indices) for tensor in self))


class FusedControl(NamedTuple):
    """A job's controls, ready for every step.

    Attributes:
        condition: (1, channels, height / 8, width / 8), added to the ControlNet's first features.
        types: (1, control types), 1 where a control of that type is given.
        output_scale: (1,), the factor of the ControlNet's outputs.
    """

    condition: torch.Tensor
    types: torch.Tensor
    output_scale: torch.Tensor

    @classmethod
    def batch(cls, controls: Sequence["FusedControl"]) -> "FusedControl":
        """Return the controls of several jobs as one, row by row."""
        return cls(
            torch.cat([control.condition for control in controls]),
            torch.cat([control.types for control in controls]),
            torch.cat([control.output_scale for control in controls]),
        )


@torch.inference_mode()
def fuse(
    controlnet: ControlNetUnionModel, images: Mapping[int, torch.Tensor], weights: Sequence[float]
) -> FusedControl:
    """Return the fused condition of a job's control images.

    As in diffusers, a single control's weight scales the outputs; the weights of several controls scale the inputs.

    Args:
        controlnet: the Union ControlNet.
        images: index of the control type to image (1, 3, height, width), uint8.
        weights: of each image.
    """
    device, dtype = controlnet.device, controlnet.dtype
    is_single = len(images) == 1
    types = torch.zeros(1, controlnet.config.num_control_type, dtype=dtype)
    types[0, list(images)] = 1
    parts = []
    for (index, image), weight in zip(images.items(), weights, strict=True):
        scale = 1.0 if is_single else weight
        shown = image.to(device, non_blocking=True).float() / 255
        condition = controlnet.controlnet_cond_embedding(shown.to(dtype))
        feature = (condition.mean(dim=(2, 3)) + controlnet.task_embedding[index]) * scale
        for layer in controlnet.transformer_layes:
            feature = _attend_alone(layer, feature)
        alpha = controlnet.spatial_ch_projs(feature)[:, :, None, None]
        parts.append((condition + alpha) * scale)
    output_scale = torch.tensor([weights[0] if is_single else 1.0], dtype=dtype)
    condition = torch.cat(parts).sum(dim=0, keepdim=True)
    return FusedControl(condition, send(types, device), send(output_scale, device))


def control_residuals(
    controlnet: ControlNetUnionModel, inputs: NetworkInputs, control: FusedControl
) -> list[torch.Tensor]:
    """Return what the ControlNet adds to the UNet: the skip connections' residuals and, last, the middle block's.

    Args:
        controlnet: the Union ControlNet.
        inputs: of each row.
        control: of each row.
    """
    text = inputs.text
    embedding = controlnet.time_embedding(controlnet.time_proj(inputs.timesteps).to(inputs.latents.dtype))
    embedding = embedding + _embed_types(controlnet, control.types) + _embed_added(controlnet, inputs)
    sample = controlnet.conv_in(inputs.latents) + control.condition
    features = [sample]
    for block in controlnet.down_blocks:
        arguments = {"encoder_hidden_states": text} if getattr(block, "has_cross_attention", False) else {}
        sample, skips = block(hidden_states=sample, temb=embedding, **arguments)
        features += skips
    middle = controlnet.mid_block(sample, embedding, encoder_hidden_states=text)
    scales = control.output_scale[:, None, None, None]
    outlets = [*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block]
    return [outlet(feature) * scales for outlet, feature in zip(outlets, [*features, middle], strict=True)]


def residual_shapes(controlnet: ControlNetUnionModel, height: int, width: int) -> list[tuple[int, int, int]]:
    """Return the shape of each residual of one row, the middle block's last, for latents of this height and width."""
    channels, layers = controlnet.config.block_out_channels, controlnet.config.layers_per_block
    shapes = [(channels[0], height, width)]
    for number, width_of_block in enumerate(channels):
        shapes += [(width_of_block, height, width)] * layers
        if number < len(channels) - 1:
            height, width = (height + 1) // 2, (width + 1) // 2
            shapes.append((width_of_block, height, width))
    return [*shapes, shapes[-1]]


def _attend_alone(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """Return a transformer layer's output for tokens that attend only to themselves, (1, channels)."""
    attention = layer.attn
    width = attention.embed_dim
    value = linear(layer.ln_1(x), attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :])
    x = x + attention.out_proj(value)
    out: torch.Tensor = x + layer.mlp(layer.ln_2(x))
    return out


def _embed_types(controlnet: ControlNetUnionModel, types: torch.Tensor) -> torch.Tensor:
    projected = controlnet.control_type_proj(types.flatten()).reshape(len(types), -1)
    embedded: torch.Tensor = controlnet.control_add_embedding(projected.to(types.dtype))
    return embedded


def _embed_added(controlnet: ControlNetUnionModel, inputs: NetworkInputs) -> torch.Tensor:
    times = controlnet.add_time_proj(inputs.time_ids.flatten()).reshape(len(inputs.text_embeds), -1)
    added = torch.cat([inputs.text_embeds, times], dim=-1).to(inputs.latents.dtype)
    embedded: torch.Tensor = controlnet.add_embedding(added)
    return embedded
