"""Conditioning images: the word as the Union ControlNet sees it."""

from shared.settings import ConditioningSettings
from worker.conditioning.base import CONTROL_TYPE_INDEX, Brush, Conditioning
from worker.conditioning.canny import CannyConditioning
from worker.conditioning.depth import DepthConditioning
from worker.conditioning.scribble import ScribbleConditioning
from worker.conditioning.segmentation import SegmentationConditioning

__all__ = [
    "CONTROL_TYPE_INDEX",
    "Brush",
    "CannyConditioning",
    "Conditioning",
    "DepthConditioning",
    "ScribbleConditioning",
    "SegmentationConditioning",
    "make_conditionings",
]


def make_conditionings(settings: ConditioningSettings) -> tuple[Conditioning, ...]:
    """Return one conditioning of each type, using the models named in the settings."""
    return (
        CannyConditioning(),
        DepthConditioning(settings.depth_model),
        SegmentationConditioning(settings.segmentation_model),
        ScribbleConditioning(),
    )
