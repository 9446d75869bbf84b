"""The types and methods of conditioning."""

from collections.abc import Mapping
from typing import Literal, get_args

ControlType = Literal["canny", "depth", "segmentation", "scribble"]
CONTROL_TYPES: tuple[ControlType, ...] = get_args(ControlType)

# Conditioning methods by type; the first of each is the default.
CONDITIONING_METHODS: Mapping[ControlType, tuple[str, ...]] = {
    "canny": ("opencv_canny", "structured_edge_detection", "adaptive_canny"),
    "depth": ("distance_transform_depth", "stroke_thickness_depth", "ai_depth_estimation"),
    "segmentation": ("radical_segmentation", "stroke_type_segmentation", "ai_segmentation"),
    "scribble": ("skeletonization_scribble", "hand_drawn_simulation", "style_aware_scribble"),
}
# Methods that need a separate model, which a deployment may lack.
AI_METHODS = frozenset({"ai_depth_estimation", "ai_segmentation"})
