"""SDXL, a Union ControlNet and the fp16-fix VAE in their published configurations, with random weights.

Speed, memory and exactness do not depend on training, so they can be measured without a download.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetUnionModel,
    EulerDiscreteScheduler,
    StableDiffusionXLControlNetUnionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from shared.locations import PROJECT
from shared.settings import ModelSettings

Configuration = Mapping[str, Any]

VOCABULARY = 49408  # CLIP's vocabulary size; the last two tokens mark the text's start and end
TOKENIZER = PROJECT / "worker/data/embedded_model/tokenizer/tokenizer.json"
COMMIT = "0" * 40  # the commit of a snapshot in the hub's cache

# The configuration that UNet and ControlNet share.
NETWORK: Configuration = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "block_out_channels": (320, 640, 1280),
    "layers_per_block": 2,
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
VAE: Configuration = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
    "scaling_factor": 0.13025,
    "force_upcast": False,
}
TEXT: Configuration = {
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 77,
    "bos_token_id": 0,
    "eos_token_id": 2,  # as published; the encoder then treats the largest token as the text's end
    "pad_token_id": 1,
}
SCHEDULER: Configuration = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}


@dataclass(frozen=True)
class Scale:
    """The size of the parts."""

    unet: Configuration
    controlnet: Configuration
    vae: Configuration
    text_encoder: Configuration
    text_encoder_2: Configuration

    @property
    def parts(self) -> dict[str, tuple[Any, Configuration]]:
        """The class and configuration of each part that has weights."""
        return {
            "unet": (UNet2DConditionModel, self.unet),
            "controlnet": (ControlNetUnionModel, self.controlnet),
            "vae": (AutoencoderKL, self.vae),
            "text_encoder": (CLIPTextModel, self.text_encoder),
            "text_encoder_2": (CLIPTextModelWithProjection, self.text_encoder_2),
        }


def _scale(network: Configuration, vae: Configuration, *texts: Configuration, channels: int) -> Scale:
    up = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")
    control = {
        "conditioning_embedding_out_channels": (16, 32, 96, 256),
        "num_control_type": 6,
        "num_trans_channel": channels,
        "num_proj_channel": channels,
    }
    return Scale({**network, "up_block_types": up, "sample_size": 128}, {**network, **control}, vae, *texts)


FULL = _scale(
    NETWORK,
    VAE,
    {
        **TEXT,
        "hidden_size": 768,
        "projection_dim": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "hidden_act": "quick_gelu",
    },
    {
        **TEXT,
        "hidden_size": 1280,
        "projection_dim": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 20,
        "hidden_act": "gelu",
    },
    channels=320,
)
_SMALL_TEXT: Configuration = {
    **TEXT,
    "hidden_size": 32,
    "projection_dim": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
SMALL = _scale(
    {
        **NETWORK,
        "block_out_channels": (32, 64, 64),
        "layers_per_block": 1,
        "transformer_layers_per_block": (1, 1, 1),
        "attention_head_dim": (2, 4, 4),
        "cross_attention_dim": 64,
        "addition_time_embed_dim": 16,
        "projection_class_embeddings_input_dim": 6 * 16 + 32,
        "norm_num_groups": 16,
    },
    {**VAE, "block_out_channels": (16, 32, 32, 32), "layers_per_block": 1, "norm_num_groups": 16},
    _SMALL_TEXT,
    _SMALL_TEXT,
    channels=32,
)


def make_part(scale: Scale, name: str, device: torch.device, dtype: torch.dtype) -> Any:
    """Return one part with random weights, ready for inference."""
    cls, configuration = scale.parts[name]
    with torch.device("meta"):
        part = cls(CLIPTextConfig(**configuration)) if name.startswith("text") else cls(**configuration)
    # Not diffusers' own `to`, which warns about layers that should stay in float32; there are none here.
    part = nn.Module.to(part, dtype).to_empty(device=device).eval().requires_grad_(requires_grad=False)
    for key, parameter in part.named_parameters():
        _initialise(key, parameter)
    for buffer in part.buffers():  # the text encoders' positions, the only buffers
        buffer.copy_(torch.arange(buffer.numel()))
    return part


def make_pipeline(scale: Scale, folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """Return diffusers' pipeline on a device.

    Args:
        scale: the size of the parts.
        folder: the folder for the tokenizers' files.
        device: the device of the parts.
        dtype: the dtype of their weights.
    """
    tokenizers = {}
    for name, pad in (("tokenizer", "<|endoftext|>"), ("tokenizer_2", "!")):
        write_tokenizer(folder / name, pad)
        tokenizers[name] = CLIPTokenizer.from_pretrained(folder / name)
    pipeline = StableDiffusionXLControlNetUnionPipeline(
        **{name: make_part(scale, name, device, dtype) for name in scale.parts},
        **tokenizers,
        scheduler=EulerDiscreteScheduler(**SCHEDULER),
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def write_hub(scale: Scale, cache: Path, model: ModelSettings, *, variant: str | None = "fp16") -> dict[str, Path]:
    """Write a model in fp16 in the layout of the hub's cache; return the folders of `base`, `controlnet` and `vae`.

    Args:
        scale: the size of the parts.
        cache: the cache's folder `hub`.
        model: the settings with the hub names.
        variant: in the names of the base model's files, if any.
    """
    names = {"base": model.base, "controlnet": model.controlnet, "vae": model.vae}
    folders = {key: _snapshot(cache, name) for key, name in names.items() if name is not None}
    base = folders["base"]
    for name in ("unet", "text_encoder", "text_encoder_2"):
        _write_part(scale, name, base / name, f".{variant}" if variant else "")
    for name in ("controlnet", "vae"):
        _write_part(scale, name, folders[name], "")
    write_tokenizer(base / "tokenizer", "<|endoftext|>")
    write_tokenizer(base / "tokenizer_2", "!")
    EulerDiscreteScheduler(**SCHEDULER).save_pretrained(base / "scheduler")
    index = {
        "_class_name": "StableDiffusionXLPipeline",
        "force_zeros_for_empty_prompt": True,
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    _write_json(base / "model_index.json", index)
    return folders


def write_tokenizer(folder: Path, pad: str) -> None:
    """Write the files of a CLIP tokenizer: our own vocabulary, padded with words that never occur."""
    own = json.loads(TOKENIZER.read_text(encoding="utf-8"))["model"]
    start, end = "<|startoftext|>", "<|endoftext|>"
    words = [word for word, _ in sorted(own["vocab"].items(), key=lambda entry: entry[1]) if word not in {start, end}]
    words += [f"<unused {number}>" for number in range(VOCABULARY - 2 - len(words))]
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "vocab.json", {word: number for number, word in enumerate([*words, start, end])})
    merges = ["#version: 0.2", *(" ".join(pair) for pair in own["merges"])]
    (folder / "merges.txt").write_text("\n".join(merges) + "\n", encoding="utf-8")
    special = {"bos_token": start, "eos_token": end, "pad_token": pad, "unk_token": end}
    _write_json(folder / "special_tokens_map.json", special)
    _write_json(
        folder / "tokenizer_config.json", {**special, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    )


def _initialise(name: str, parameter: nn.Parameter) -> None:
    """Initialise the weights so that values neither grow nor fade from layer to layer (LeCun et al. 1998)."""
    if parameter.ndim > 1:
        parameter.normal_(std=1 / math.sqrt(parameter[0].numel()))
    else:
        parameter.fill_(0.0 if name.endswith("bias") else 1.0)


def _snapshot(cache: Path, name: str) -> Path:
    """Create a model's folder in the hub's cache, and mark it as the newest."""
    model = cache / f"models--{name.replace('/', '--')}"
    (model / "refs").mkdir(parents=True)
    (model / "refs/main").write_text(COMMIT)
    folder = model / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    return folder


def _write_part(scale: Scale, name: str, folder: Path, variant: str) -> None:
    part = make_part(scale, name, torch.device("cpu"), torch.float16)
    folder.mkdir(exist_ok=True)
    stem = "model" if name.startswith("text") else "diffusion_pytorch_model"
    save_file(part.state_dict(), folder / f"{stem}{variant}.safetensors", metadata={"format": "pt"})
    (part.config.save_pretrained if name.startswith("text") else part.save_config)(folder)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
