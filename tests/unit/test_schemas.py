import pytest
from pydantic import ValidationError

from shared.schemas import CONTROL_TYPES, GenerationRequest, JobStatus


def test_only_the_word_is_needed() -> None:
    request = GenerationRequest(word="学习")
    assert request.translation == ""
    assert request.include_conditioning is True
    assert request.methods() == {
        "canny": ("opencv_canny",),
        "depth": ("distance_transform_depth",),
        "segmentation": ("radical_segmentation",),
        "scribble": ("skeletonization_scribble",),
    }


@pytest.mark.parametrize(
    "field",
    [
        {"width": 255},
        {"width": 300},
        {"height": 2112},
        {"height": "512"},
        {"width": True},
        {"seed": -1},
        {"seed": 2**53},
        {"seed": 1.0},
        {"num_inference_steps": 0},
        {"guidance_scale": float("nan")},
        {"guidance_scale": float("inf")},
        {"controlnet_weights": {"canny": -0.1}},
        {"controlnet_weights": {"canny": 2.1}},
        {"controlnet_weights": {"canny": float("nan")}},
        {"controlnet_weights": {"pose": 1}},
        {"conditioning_methods": {"canny": []}},
        {"conditioning_methods": {"canny": ["opencv_canny", "opencv_canny"]}},
        {"conditioning_methods": {"canny": ["sobel"]}},
        {"include_conditioning": "yes"},
        {"priority": "urgent"},
        {"translation": "x" * 201},
        {"translation": "a\x00b"},
        {"negative_prompt": "\x1b[31m"},
        {"prompt": "unknown"},
    ],
)
def test_fields_outside_their_range_are_refused(field: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GenerationRequest.model_validate({"word": "学", **field})


def test_requests_survive_the_record() -> None:
    """A request read back from JSON is equal."""
    request = GenerationRequest(word="学习", seed=7, controlnet_weights={"canny": 1.5}, width=512)
    assert GenerationRequest.model_validate_json(request.model_dump_json(exclude_defaults=True)) == request


def test_terminal_statuses() -> None:
    assert [status for status in JobStatus if status.is_terminal] == ["succeeded", "failed", "cancelled"]
    assert set(CONTROL_TYPES) == {"canny", "depth", "segmentation", "scribble"}
