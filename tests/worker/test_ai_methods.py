"""The two AI methods, with tiny random checkpoints of the real classes in local folders."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from shared.errors import MethodUnavailable
from tests.conditioning_models import save_depth_model, save_segmenter
from worker.conditioning import DepthConditioning, SegmentationConditioning
from worker.conditioning.ai_models import POINTS_AT_ONCE, DepthEstimator, LazyModel, Segmenter
from worker.conditioning.segmentation import GROUND, PART_COLOURS, flat_colours, prompt_points
from worker.glyphs import GlyphRenderer
from worker.scene import Scene


@pytest.fixture(scope="session")
def depth_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_depth_model(tmp_path_factory.mktemp("dpt"))


@pytest.fixture(scope="session")
def sam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_segmenter(tmp_path_factory.mktemp("sam"))


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


def test_models_that_two_threads_need_at_once_are_whole(depth_folder: Path, sam_folder: Path) -> None:
    """The first job that uses both methods loads both. SAM's positional embedding is a tied weight, absent in files."""
    for _ in range(5):
        models: list[LazyModel] = [Segmenter(str(sam_folder)), DepthEstimator(str(depth_folder))]
        with ThreadPoolExecutor() as pool:
            loaded = [model for _, model in pool.map(lambda model: model.load(), models)]
        assert all(parameter.device.type == "cpu" for model in loaded for parameter in model.parameters())
        sam = loaded[0]
        shared = sam.prompt_encoder.shared_embedding.positional_embedding
        assert shared is sam.shared_image_embedding.positional_embedding


def test_every_stroke_and_part_is_prompted_from_inside_the_ink(glyphs: GlyphRenderer) -> None:
    """学 has eight strokes, い two connected parts."""
    glyph = glyphs.render("学い", 512, 256)
    points = prompt_points(glyph)
    assert points.shape == (10, 2)
    assert all(glyph.mask[round(float(y)), round(float(x))] for x, y in points)


def test_points_in_groups_have_the_masks_of_all_at_once(sam_folder: Path, glyphs: GlyphRenderer) -> None:
    """Compared with one call for all points, which also upscales the candidates that are not chosen."""
    glyph = glyphs.render("龍", 192, 128)
    page, points = Scene(glyph).page, prompt_points(glyph)
    assert len(points) > POINTS_AT_ONCE
    segmenter = Segmenter(str(sam_folder))
    masks = np.stack([*segmenter.masks(page, points)])
    processor, model = segmenter.load()
    inputs = processor(page, input_points=points[None, :, None, :].astype(float).tolist(), return_tensors="pt")
    output = model(**inputs, multimask_output=True)
    (candidates,) = processor.image_processor.post_process_masks(
        output.pred_masks, inputs["original_sizes"], inputs["reshaped_input_sizes"]
    )
    best = output.iou_scores[0].argmax(-1).numpy()
    expected = candidates.numpy()[np.arange(len(best)), best]
    assert 0 < expected.mean() < 1
    assert (masks == expected).all()


# In a separate process, because a process's peak never falls.
SEGMENT = """
import resource, sys
from shared.settings import load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from worker.conditioning import SegmentationConditioning
from worker.glyphs import GlyphRenderer
from worker.scene import Scene
glyphs = GlyphRenderer(CharacterDatabase(), read_fonts(load_settings({}).fonts))
conditioning = SegmentationConditioning(sys.argv[1])
for word, side in (("一", 256), ("龍鬱", 1024)):
    conditioning.generate(glyphs.render(word, side, side), "ai_segmentation")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_segmentation_of_many_strokes_takes_little_memory(sam_folder: Path) -> None:
    """45 strokes. At 1024 x 1024, three candidates of each are 540 MiB in float32, and are interpolated twice."""
    done = subprocess.run([sys.executable, "-c", SEGMENT, sam_folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before_mib, after_mib = map(int, done.stdout.split())
    assert after_mib - before_mib < 200


def test_small_masks_lie_on_large_ones() -> None:
    masks = np.zeros((3, 8, 8), bool)
    masks[0, 2:4, 2:4] = True
    masks[1, :, :6] = True
    masks[2, 2:4, 3:5] = True
    colours = flat_colours(iter(masks), 8, 8)
    assert tuple(colours[0, 0]) == PART_COLOURS[0]
    assert tuple(colours[2, 2]) == PART_COLOURS[1]
    assert tuple(colours[2, 3]) == PART_COLOURS[2], "of masks of the same size, the later one is on top"
    assert tuple(colours[0, 7]) == GROUND


@pytest.mark.parametrize("source", [None, "Intel/dpt-hybrid-midas", "no/such/folder/at/all"])
def test_without_weights_the_method_is_unavailable_and_says_why(source: str | None, glyphs: GlyphRenderer) -> None:
    conditioning = DepthConditioning(source)
    assert conditioning.available_methods == ("distance_transform_depth", "stroke_thickness_depth")
    reason = conditioning.unavailable_methods["ai_depth_estimation"]
    assert (source or "no model is configured") in reason
    with pytest.raises(MethodUnavailable, match="ai_depth_estimation"):
        conditioning.generate(glyphs.render("学", 256, 256), "ai_depth_estimation")


def test_for_a_user_without_a_home_folder_the_method_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "~nobody-of-this-name/hub")
    assert "ai_depth_estimation" in DepthConditioning("Intel/dpt-hybrid-midas").unavailable_methods


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"architectures": ["DepthAnythingForDepthEstimation"]}, "DepthAnythingForDepthEstimation"),
        ({"architectures": ["DPTForSemanticSegmentation"], "model_type": "dpt"}, "DPTForSemanticSegmentation"),
        ({"architectures": None}, "nothing known"),
        ([], "nothing known"),
    ],
)
def test_a_model_of_another_architecture_is_unavailable(
    depth_folder: Path, tmp_path: Path, config: object, named: str
) -> None:
    """It would be loaded with random weights, and the map would be noise."""
    other = Path(shutil.copytree(depth_folder, tmp_path / "other"))
    (other / "config.json").write_text(json.dumps(config))
    for method, conditioning in (
        ("ai_depth_estimation", DepthConditioning(str(other))),
        ("ai_segmentation", SegmentationConditioning(str(other))),
    ):
        assert f"{other} is of {named}, not" in conditioning.unavailable_methods[method]


def test_a_broken_model_is_named_and_from_then_on_unavailable(
    depth_folder: Path, tmp_path: Path, glyphs: GlyphRenderer
) -> None:
    """The job fails; the worker survives and lists the method as unavailable."""
    (tmp_path / "config.json").write_text((depth_folder / "config.json").read_text())
    (tmp_path / "preprocessor_config.json").write_text((depth_folder / "preprocessor_config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes((depth_folder / "model.safetensors").read_bytes()[:300])
    conditioning = DepthConditioning(str(tmp_path))
    assert "ai_depth_estimation" in conditioning.available_methods
    with pytest.raises(MethodUnavailable, match=str(tmp_path)):
        conditioning.generate(glyphs.render("学", 256, 256), "ai_depth_estimation")
    assert str(tmp_path) in conditioning.unavailable_methods["ai_depth_estimation"]
