"""Tiny random checkpoints of the real classes of the two AI methods, in local folders."""

from pathlib import Path

import torch
from transformers import (
    DPTConfig,
    DPTForDepthEstimation,
    DPTImageProcessor,
    SamConfig,
    SamImageProcessor,
    SamMaskDecoderConfig,
    SamModel,
    SamProcessor,
    SamPromptEncoderConfig,
    SamVisionConfig,
)

from shared.settings import ConditioningSettings

SEED = 2  # of the weights: with some others, the depth is the same everywhere


def save_models(folder: Path) -> ConditioningSettings:
    """Save a model for each AI method in a folder; return the settings that name them."""
    return ConditioningSettings(
        depth_model=str(save_depth_model(folder / "dpt")), segmentation_model=str(save_segmenter(folder / "sam"))
    )


def save_depth_model(folder: Path) -> Path:
    """Save a model for `ai_depth_estimation`; return the folder."""
    config = DPTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=64,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
    )
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        DPTForDepthEstimation(config).save_pretrained(folder)
    DPTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def save_segmenter(folder: Path) -> Path:
    """Save a model for `ai_segmentation`; return the folder."""
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=32,
            output_channels=16,
            num_pos_feats=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=64,
            patch_size=16,
            mlp_dim=64,
            global_attn_indexes=[1],
            window_size=2,
        ),
        prompt_encoder_config=SamPromptEncoderConfig(
            hidden_size=16, image_size=64, patch_size=16, image_embedding_size=4, mask_input_channels=4
        ),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=16, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=16
        ),
    )
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        SamModel(config).save_pretrained(folder)
    processor = SamImageProcessor(size={"longest_edge": 64}, pad_size={"height": 64, "width": 64})
    SamProcessor(processor).save_pretrained(folder)
    return folder
