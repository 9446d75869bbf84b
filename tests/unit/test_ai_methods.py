"""The two AI methods with tiny random checkpoints of the real classes, in local folders."""

from pathlib import Path

import numpy as np
import pytest
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

from shared.errors import MethodUnavailable
from worker.conditioning import DepthConditioning, SegmentationConditioning
from worker.conditioning.segmentation import PART_COLOURS, flat_colours, prompt_points
from worker.glyphs import GlyphRenderer


@pytest.fixture(scope="session")
def depth_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dpt")
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
    DPTForDepthEstimation(config).save_pretrained(folder)
    DPTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam")
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
    SamModel(config).save_pretrained(folder)
    processor = SamImageProcessor(size={"longest_edge": 64}, pad_size={"height": 64, "width": 64})
    SamProcessor(processor).save_pretrained(folder)
    return folder


def test_depth_estimation_runs_the_real_model(depth_folder: Path, glyphs: GlyphRenderer) -> None:
    conditioning = DepthConditioning(str(depth_folder))
    assert "ai_depth_estimation" in conditioning.available_methods
    glyph = glyphs.render("学习", 384, 256)
    image = np.asarray(conditioning.generate(glyph, "ai_depth_estimation"))
    assert image.shape == (256, 384, 3)
    assert (image.min(), image.max()) == (0, 255)
    assert (image == np.asarray(conditioning.generate(glyph, "ai_depth_estimation"))).all()
    assert (image != np.asarray(conditioning.generate(glyphs.render("龍", 384, 256), "ai_depth_estimation"))).any()


def test_segmentation_runs_the_real_model(sam_folder: Path, glyphs: GlyphRenderer) -> None:
    conditioning = SegmentationConditioning(str(sam_folder))
    assert "ai_segmentation" in conditioning.available_methods
    image = np.asarray(conditioning.generate(glyphs.render("学ひ", 384, 256), "ai_segmentation"))
    assert image.shape == (256, 384, 3)
    assert {tuple(colour) for colour in np.unique(image.reshape(-1, 3), axis=0).tolist()} <= {
        (0, 0, 0),
        *PART_COLOURS,
    }
    assert conditioning.notes(glyphs.render("学ひ", 384, 256), "ai_segmentation") == {"connected_parts": ["ひ"]}


def test_every_stroke_and_part_is_prompted_from_inside_the_ink(glyphs: GlyphRenderer) -> None:
    """学 has eight strokes, い two connected parts."""
    glyph = glyphs.render("学い", 512, 256)
    points = prompt_points(glyph)
    assert points.shape == (10, 2)
    assert all(glyph.mask[round(float(y)), round(float(x))] for x, y in points)


def test_small_masks_lie_on_large_ones() -> None:
    masks = np.zeros((2, 8, 8), bool)
    masks[0, 2:4, 2:4] = True
    masks[1] = True
    colours = flat_colours(masks)
    assert tuple(colours[0, 0]) == PART_COLOURS[0]
    assert tuple(colours[2, 2]) == PART_COLOURS[1]


@pytest.mark.parametrize("source", [None, "Intel/dpt-hybrid-midas", "no/such/folder/at/all"])
def test_without_weights_the_method_is_unavailable_and_says_why(source: str | None, glyphs: GlyphRenderer) -> None:
    conditioning = DepthConditioning(source)
    assert conditioning.available_methods == ("distance_transform_depth", "stroke_thickness_depth")
    reason = conditioning.unavailable_methods["ai_depth_estimation"]
    assert (source or "no model is set") in reason
    with pytest.raises(MethodUnavailable, match="ai_depth_estimation"):
        conditioning.generate(glyphs.render("学", 256, 256), "ai_depth_estimation")


def test_a_broken_model_is_named_and_from_then_on_unavailable(
    depth_folder: Path, tmp_path: Path, glyphs: GlyphRenderer
) -> None:
    """The job fails; the worker lives, and lists the method as unavailable."""
    (tmp_path / "config.json").write_text((depth_folder / "config.json").read_text())
    (tmp_path / "preprocessor_config.json").write_text((depth_folder / "preprocessor_config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes((depth_folder / "model.safetensors").read_bytes()[:300])
    conditioning = DepthConditioning(str(tmp_path))
    assert "ai_depth_estimation" in conditioning.available_methods
    with pytest.raises(MethodUnavailable, match=str(tmp_path)):
        conditioning.generate(glyphs.render("学", 256, 256), "ai_depth_estimation")
    assert str(tmp_path) in conditioning.unavailable_methods["ai_depth_estimation"]
