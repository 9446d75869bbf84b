"""The next model's networks, untrained: the service's own classes, small, for 512 × 512."""

from diffusers import ControlNetUnionModel, UNet2DConditionModel

from training.embedded_model.models import BLOCKS, TEXT_WIDTHS, WIDTHS, attend_alone
from training.scene_model.vae import LATENT_CHANNELS

# Latents are an eighth of the picture's side.
LATENT_SIDE = 64

__all__ = ["LATENT_SIDE", "TEXT_WIDTHS", "make_controlnet", "make_unet"]


def make_unet() -> UNet2DConditionModel:
    """Return the UNet in SDXL's form."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        **BLOCKS,
    )


def make_controlnet(unet: UNet2DConditionModel) -> ControlNetUnionModel:
    """Return the Union ControlNet, its encoder a copy of the UNet's; it looks at maps with wider layers than before."""
    controlnet = ControlNetUnionModel(
        in_channels=LATENT_CHANNELS,
        conditioning_embedding_out_channels=(16, 24, 32, 48),
        num_control_type=6,
        num_trans_channel=WIDTHS[0],
        num_trans_head=4,
        num_trans_layer=1,
        num_proj_channel=WIDTHS[0],
        **BLOCKS,
    )
    for name in ("conv_in", "time_embedding", "add_embedding", "down_blocks", "mid_block"):
        getattr(controlnet, name).load_state_dict(getattr(unet, name).state_dict(), strict=False)
    return attend_alone(controlnet)
