"""The untrained parts of the embedded model: small instances of the service's own classes, for 512 × 512."""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetUnionModel,
    EulerDiscreteScheduler,
    StableDiffusionXLControlNetUnionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from training.embedded_model.vae import LATENT_CHANNELS

WIDTHS = (48, 96, 128)
# Latents are an eighth of the picture's side.
LATENT_SIDE = 64
TEXT_WIDTHS = (64, 96)
# The maps' encoder, from the map's size to an eighth of it.
MAP_WIDTHS = (12, 20, 32, 48)
# In the encoder, colours travel around 1, where SiLU is almost linear: its value and its slope at 1.
MIDDLE_GREY, SILU_OF_1, SLOPE_AT_1 = 0.5, 0.7311, 0.9277
# Red, green and blue of a stride's four pixels.
QUARTERS = 12
# How strongly the encoder's output contains what differs between red, green and blue, and the rest.
HUE_GAIN, DETAIL_GAIN = 6.0, 2.0
TOKENS = 77
BEGIN, END = "<|startoftext|>", "<|endoftext|>"

BLOCKS = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "block_out_channels": WIDTHS,
    "layers_per_block": 1,
    "attention_head_dim": (2, 4, 4),  # heads, by diffusers' historical naming
    "cross_attention_dim": sum(TEXT_WIDTHS),
    "transformer_layers_per_block": (1, 1, 1),
    "norm_num_groups": 8,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 16,
    "projection_class_embeddings_input_dim": 6 * 16 + TEXT_WIDTHS[1],
}


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
    """Return the Union ControlNet, its encoder a copy of the UNet's."""
    controlnet = ControlNetUnionModel(
        in_channels=LATENT_CHANNELS,
        conditioning_embedding_out_channels=MAP_WIDTHS,
        num_control_type=6,
        num_trans_channel=WIDTHS[0],
        num_trans_head=4,
        num_trans_layer=1,
        num_proj_channel=WIDTHS[0],
        **BLOCKS,
    )
    for name in ("conv_in", "time_embedding", "add_embedding", "down_blocks", "mid_block"):
        getattr(controlnet, name).load_state_dict(getattr(unet, name).state_dict(), strict=False)
    carry_colours(controlnet.controlnet_cond_embedding)
    return attend_alone(controlnet)


@torch.no_grad()
def carry_colours(encoder: ControlNetConditioningEmbedding) -> None:
    """Let the last channels of the maps' encoder carry a map's colours; calling it again restores them.

    Training learns edges and lets colours fade. So the last three channels of each level hold red, green and blue,
    averaged, and the last twelve of the last level hold them for each quarter of a latent. The output reads those with
    fixed weights, which amplify the differences of red, green and blue: a motif's hue varies less than its brightness,
    and both must be heard next to four maps' edges.
    """
    layers = [encoder.conv_in, *encoder.blocks]
    _carry(layers[0], gain=1.0, offset=1 - MIDDLE_GREY)
    for layer in layers[1:-1]:
        _carry(layer, gain=1 / SLOPE_AT_1, offset=1 - SILU_OF_1 / SLOPE_AT_1)
    # Black, the ground of a map, becomes 0 and stays silent.
    _carry(layers[-1], gain=1 / SLOPE_AT_1, offset=MIDDLE_GREY - SILU_OF_1 / SLOPE_AT_1, count=QUARTERS)
    _read_colours(encoder.conv_out)


def _read_colours(layer: nn.Conv2d) -> None:
    """Spread the colours over the outputs, in directions that are at right angles to each other."""
    hues = torch.tensor([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
    hues = nn.functional.normalize(hues, dim=1).repeat(1, QUARTERS // 3) / (QUARTERS // 3) ** 0.5
    amplified = DETAIL_GAIN * torch.eye(QUARTERS) + (HUE_GAIN - DETAIL_GAIN) * hues.T @ hues
    random = torch.randn(layer.out_channels, QUARTERS, generator=torch.Generator().manual_seed(0))
    layer.weight[:, -QUARTERS:] = 0
    layer.weight[:, -QUARTERS:, 1, 1] = (torch.linalg.qr(random).Q @ amplified).to(layer.weight)


def _carry(layer: nn.Conv2d, *, gain: float, offset: float, count: int = 3) -> None:
    """Let the layer's last channels average the last three of its input, or hold its stride's pixels one by one."""
    weight, inputs, stride = layer.weight, layer.in_channels - 3, layer.stride[0]
    if inputs:
        weight[:, inputs:] = 0
    weight[-count:] = 0
    layer.get_parameter("bias")[-count:] = offset
    for channel in range(count):
        pixel, colour = divmod(channel, 3)
        kernel = weight[channel - count, inputs + colour]
        if count == QUARTERS:
            down, right = divmod(pixel, 2)
            kernel[1 + down, 1 + right] = gain
        else:
            kernel[1 : 1 + stride, 1 : 1 + stride] = gain / stride**2


def attend_alone(controlnet: ControlNetUnionModel) -> ControlNetUnionModel:
    """Separate a batch's samples, because the Union ControlNet's attention runs over the batch axis.

    A single sample attends only to itself, so its attention is out_proj(v_proj(x)). Computing exactly that trains the
    function that a single job runs.
    """
    for block in controlnet.transformer_layes:
        # A function, not a module: `nn.Module` would keep a module where the class's method hides it.
        block.attention = partial(_attend_alone, block.attn)
    return controlnet


def _attend_alone(attention: nn.MultiheadAttention, x: torch.Tensor) -> torch.Tensor:
    width = attention.embed_dim
    weight, bias = attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :]
    out: torch.Tensor = attention.out_proj(nn.functional.linear(x, weight, bias))
    return out


def make_text_encoders(vocabulary: int) -> tuple[CLIPTextModel, CLIPTextModelWithProjection]:
    """Return the two CLIP text encoders."""

    def config(width: int) -> CLIPTextConfig:
        return CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=4,
            projection_dim=width,
            hidden_act="gelu",
            max_position_embeddings=TOKENS,
            bos_token_id=vocabulary - 2,
            eos_token_id=vocabulary - 1,
            pad_token_id=vocabulary - 1,
        )

    return CLIPTextModel(config(TEXT_WIDTHS[0])), CLIPTextModelWithProjection(config(TEXT_WIDTHS[1]))


def make_tokenizer(texts: Iterable[str], merges: int = 700) -> CLIPTokenizer:
    """Return a CLIP tokenizer with byte-pair merges learned from the texts."""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=2 * len(alphabet) + merges, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    learned = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]][:merges]
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet), *("".join(pair) for pair in learned), BEGIN, END]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocabulary, merges=learned, model_max_length=TOKENS)


def make_scheduler() -> EulerDiscreteScheduler:
    """Return the solver: v-prediction, zero terminal SNR, trailing steps (Lin et al. 2024)."""
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def save_pipeline(
    folder: Path,
    *,
    vae: AutoencoderKL,
    unet: UNet2DConditionModel,
    controlnet: ControlNetUnionModel,
    encoders: tuple[CLIPTextModel, CLIPTextModelWithProjection],
    tokenizer: CLIPTokenizer,
) -> None:
    """Write the parts in fp16 as a folder that the service can load."""
    pipeline = StableDiffusionXLControlNetUnionPipeline(
        vae=vae.half(),
        text_encoder=encoders[0].half(),
        text_encoder_2=encoders[1].half(),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet.half(),
        controlnet=controlnet.half(),
        scheduler=make_scheduler(),
        force_zeros_for_empty_prompt=True,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    for config in folder.glob("*/config.json"):  # the path a part was loaded from is meaningless elsewhere
        entries = json.loads(config.read_text())
        entries.pop("_name_or_path", None)
        config.write_text(json.dumps(entries, indent=2) + "\n")
