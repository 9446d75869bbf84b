"""Depth: near is bright, as MiDaS draws it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.conditioning.ai_models import DepthEstimator
from worker.conditioning.base import RGB, Brush, Conditioning, Method, layered, to_rgb
from worker.glyphs import Glyph
from worker.scene import Scene

# The background recedes from the picture's bottom (nearer) to its top. The word is clearly in front of it.
FAR, NEAR_BACKGROUND = 20, 70
INK_NEAREST, INK_RANGE = 150, 105
# Motifs are between the word and the background.
MOTIF_NEAREST, MOTIF_RANGE = 90, 40
# Softens the step from ink to background, as a share of the shorter side (1.5 px at 256).
BLUR = 1.5 / 256


def distance_transform_depth(glyph: Glyph, _brush: Brush) -> RGB:
    """Return strokes as rounded ridges: brightness grows with the square root of the distance to the stroke's edge.

    The distance is the exact Euclidean one (`Glyph.distance`), scaled by the largest distance in the glyph.
    """
    distance = glyph.distance
    return _before_background(glyph, np.sqrt(distance * np.float32(1 / max(float(distance.max()), 1.0))))


def stroke_thickness_depth(glyph: Glyph, _brush: Brush) -> RGB:
    """Return strokes as flat plates; thicker strokes are nearer.

    The thickness at a pixel is taken from the medial axis (Blum 1967): the distance to the ink's edge at the nearest
    pixel of the skeleton.
    """
    skeleton = glyph.skeleton
    paper_of_skeleton = np.where(skeleton, np.uint8(0), np.uint8(1))
    _, nearest = cv2.distanceTransformWithLabels(
        paper_of_skeleton, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    thickness_of_label = np.zeros(int(nearest.max()) + 1, np.float32)
    thickness_of_label[nearest[skeleton]] = glyph.distance[skeleton]
    thickness = thickness_of_label[nearest]
    return _before_background(glyph, thickness * np.float32(1 / max(float(thickness_of_label.max()), 1.0)))


def _before_background(glyph: Glyph, nearness: NDArray[np.float32]) -> RGB:
    """Return ink of the given nearness (0 to 1) in front of a receding background, with soft edges."""
    ramp = np.linspace(FAR, NEAR_BACKGROUND, glyph.height, dtype=np.float32)[:, None]
    depth = np.where(glyph.mask, INK_NEAREST + INK_RANGE * nearness, ramp)
    # Blurred in 8 bits: five times as fast as in floating point, with an error of less than one level.
    rounded = np.rint(np.clip(depth, 0, 255)).astype(np.uint8)
    return to_rgb(cv2.GaussianBlur(rounded, (0, 0), sigmaX=BLUR * min(glyph.width, glyph.height)))


def add_planes(depth: RGB, scene: Scene, _brush: Brush) -> None:
    """Draw each motif as a plane behind the word, with a soft relief and a soft edge."""
    softness = BLUR * min(scene.glyph.width, scene.glyph.height)
    for placed in scene.motifs:
        margin = int(3 * softness)
        region = placed.region(margin)
        coverage = cv2.copyMakeBorder(placed.collage[:, :, 3], margin, margin, margin, margin, cv2.BORDER_CONSTANT)
        distance = cv2.distanceTransform((coverage > 127).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        relief = np.sqrt(distance * np.float32(1 / max(float(distance.max()), 1.0)))
        share = cv2.GaussianBlur(coverage, (0, 0), softness) * np.float32(1 / 255)
        behind = depth[region][:, :, 0]
        plane = behind + share * (MOTIF_NEAREST + MOTIF_RANGE * relief - behind)
        depth[region] = np.rint(plane).astype(np.uint8)[:, :, None]


class DepthConditioning(Conditioning):
    """The word as a relief."""

    control_type = "depth"

    def __init__(self, model: str | None = None) -> None:
        """Set the model of `ai_depth_estimation`: hub name or local folder. Without one the method is unavailable."""
        estimator = DepthEstimator(model)

        def ai_depth_estimation(scene: Scene, _brush: Brush) -> RGB:
            return estimator.estimate(scene.page)

        super().__init__(
            {
                "distance_transform_depth": Method(layered(distance_transform_depth, add_planes)),
                "stroke_thickness_depth": Method(layered(stroke_thickness_depth, add_planes)),
                "ai_depth_estimation": Method(ai_depth_estimation, unavailable=estimator.why_unavailable),
            }
        )
