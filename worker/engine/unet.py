"""SDXL's UNet in two parts: the outermost level, and the deeper levels, whose features change little between steps.

A step may reuse the deeper levels' features of the step before (DeepCache; Ma et al. 2024,
https://arxiv.org/abs/2312.00858), together with the ControlNet's residuals of that step. Both functions compute the
same as `UNet2DConditionModel.forward`, operation by operation.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from diffusers import UNet2DConditionModel
from torch import nn

from worker.engine.union_controlnet import NetworkInputs


class StepCache(NamedTuple):
    """What a step keeps for the next one.

    Attributes:
        features: (branches, channels, height / 8, width / 8), from the deeper levels.
        residuals: what the ControlNet adds to the outermost level's skip connections, each like `features`.
    """

    features: torch.Tensor
    residuals: list[torch.Tensor]

    def pick(self, start: int, end: int | None = None) -> "StepCache":
        """Return some of the branches."""
        return StepCache(self.features[start:end], [residual[start:end] for residual in self.residuals])

    def copy(self) -> "StepCache":
        """Return a cache that does not share memory with this one."""
        return StepCache(self.features.clone(), [residual.clone() for residual in self.residuals])

    @classmethod
    def batch(cls, caches: Sequence["StepCache"]) -> "StepCache":
        """Return the caches of several rows as one, branch by branch."""
        residuals = zip(*(one.residuals for one in caches), strict=True)
        return cls(torch.cat([one.features for one in caches]), [torch.cat(parts) for parts in residuals])


def is_divisible(unet: UNet2DConditionModel) -> bool:
    """Return whether the outermost level can run separately: it has no attention, like SDXL's."""
    config = unet.config
    return (config.down_block_types[0], config.up_block_types[-1]) == ("DownBlock2D", "UpBlock2D")


def predict(
    unet: UNet2DConditionModel, inputs: NetworkInputs, residuals: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the UNet's output for each row, and the features that its deeper levels pass to the outermost one.

    Args:
        unet: SDXL's, or one of the same structure.
        inputs: of each row.
        residuals: what the ControlNet adds to the skip connections and, last, to the middle block.
    """
    embedding, sample = _enter(unet, inputs)
    skips = [sample]
    for block in unet.down_blocks:
        sample, found = block(hidden_states=sample, temb=embedding, **_text_for(block, inputs))
        skips += found
    skips = [skip + residual for skip, residual in zip(skips, residuals[:-1], strict=True)]
    if unet.mid_block is not None:  # distilled networks of this structure omit it
        sample = unet.mid_block(sample, embedding, **_text_for(unet.mid_block, inputs))
    sample = sample + residuals[-1]
    for block in unet.up_blocks[:-1]:
        count = len(block.resnets)
        used, skips = skips[-count:], skips[:-count]
        sample = block(
            hidden_states=sample,
            temb=embedding,
            res_hidden_states_tuple=tuple(used),
            upsample_size=skips[-1].shape[2:],
            **_text_for(block, inputs),
        )
    return _leave(unet, sample, embedding, skips), sample


def predict_from(unet: UNet2DConditionModel, inputs: NetworkInputs, cache: StepCache) -> torch.Tensor:
    """Return the UNet's output for each row, computed from its outermost level and an earlier step's cache.

    Args:
        unet: one that `is_divisible`.
        inputs: of each row.
        cache: of each row.
    """
    embedding, sample = _enter(unet, inputs)
    skips = [sample]
    for resnet in unet.down_blocks[0].resnets:
        sample = resnet(sample, embedding)
        skips.append(sample)
    skips = [skip + residual for skip, residual in zip(skips, cache.residuals, strict=True)]
    return _leave(unet, cache.features, embedding, skips)


def outermost_skips(unet: UNet2DConditionModel) -> int:
    """Return the number of skip connections in the outermost level."""
    return 1 + len(unet.down_blocks[0].resnets)


def _enter(unet: UNet2DConditionModel, inputs: NetworkInputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the embedding of timestep, pooled text and sizes, and the first features."""
    added = {"text_embeds": inputs.text_embeds, "time_ids": inputs.time_ids}
    embedding = unet.time_embedding(unet.get_time_embed(inputs.latents, inputs.timesteps))
    embedding = embedding + unet.get_aug_embed(embedding, inputs.text, added)
    return embedding, unet.conv_in(inputs.latents)


def _text_for(block: nn.Module, inputs: NetworkInputs) -> dict[str, torch.Tensor]:
    return {"encoder_hidden_states": inputs.text} if getattr(block, "has_cross_attention", False) else {}


def _leave(
    unet: UNet2DConditionModel, sample: torch.Tensor, embedding: torch.Tensor, skips: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Return the output, from the deeper levels' features and the outermost level's skip connections."""
    sample = unet.up_blocks[-1](hidden_states=sample, temb=embedding, res_hidden_states_tuple=tuple(skips))
    output: torch.Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(sample)))
    return output
