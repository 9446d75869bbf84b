"""Conditioning images: what the Union ControlNet sees of the word."""

from worker.conditioning.base import CONTROL_TYPE_INDEX, Conditioning
from worker.conditioning.canny import CannyConditioning
from worker.conditioning.depth import DepthConditioning
from worker.conditioning.scribble import ScribbleConditioning
from worker.conditioning.segmentation import SegmentationConditioning

CONDITIONINGS: tuple[type[Conditioning], ...] = (
    CannyConditioning,
    DepthConditioning,
    SegmentationConditioning,
    ScribbleConditioning,
)

__all__ = [
    "CONDITIONINGS",
    "CONTROL_TYPE_INDEX",
    "CannyConditioning",
    "Conditioning",
    "DepthConditioning",
    "ScribbleConditioning",
    "SegmentationConditioning",
]
