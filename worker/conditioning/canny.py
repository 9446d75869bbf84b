"""Canny: white edges on black."""

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.conditioning import structured_forest
from worker.conditioning.base import LINE_WIDTH, RGB, Brush, Conditioning, Method, brighten, layered, to_rgb
from worker.conditioning.outlines import outlines
from worker.glyphs import Glyph
from worker.scene import Scene

# The hysteresis thresholds from the Union ControlNet's own examples.
LOW, HIGH = 100, 200

# Low threshold as a share of the high one (Canny 1986 advises a third to a half).
HYSTERESIS = 0.4

# Minimum border probability of a ridge: the level with the best F-score on held-out characters.
BORDER_LEVEL = 0.2

# Motif details smaller than this are omitted, in line widths.
DETAIL = 0.2

# Largest side for border detection, in pixels. Beyond it, characters are smaller than the forest was trained on.
MAX_DETECTION_SIDE = 640


def opencv_canny(glyph: Glyph, _brush: Brush) -> RGB:
    """Return OpenCV's Canny edges of the anti-aliased ink (Canny 1986)."""
    return to_rgb(cv2.Canny(glyph.ink, LOW, HIGH))


def adaptive_canny(glyph: Glyph, _brush: Brush) -> RGB:
    """Return Canny edges with thresholds computed from the picture, so that faint ink also has edges.

    The high threshold is Otsu's between the weak and the strong gradients (Otsu 1979).
    """
    dx, dy = cv2.Sobel(glyph.ink, cv2.CV_16S, 1, 0), cv2.Sobel(glyph.ink, cv2.CV_16S, 0, 1)
    strength = np.abs(dx) + np.abs(dy)  # Canny's default measure
    strongest = int(strength.max())
    if not strongest:
        return to_rgb(np.zeros_like(glyph.ink))
    present = strength[strength > strongest // 50]
    scaled = (present * (255.0 / strongest)).astype(np.uint8)
    level, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    high = level * strongest / 255
    return to_rgb(cv2.Canny(dx, dy, HYSTERESIS * high, high))


def structured_edge_detection(glyph: Glyph, _brush: Brush) -> RGB:
    """Return the borders of all strokes, as found by a structured forest, including where strokes cross and fuse.

    The forest runs at the size that it was trained on: an em of about 256 px.
    """
    em = max(placed.box.em for placed in glyph.characters)
    scale = min(structured_forest.EM / em, MAX_DETECTION_SIDE / max(glyph.width, glyph.height))
    size = (round(glyph.width * scale), round(glyph.height * scale))
    ink = cv2.resize(glyph.ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    probability = structured_forest.detect(ink.astype(np.uint8), structured_forest.load_forest())
    full = cv2.resize(probability, (glyph.width, glyph.height), interpolation=cv2.INTER_CUBIC)
    return to_rgb(thin_ridges(full.astype(np.float32), BORDER_LEVEL).astype(np.uint8) * 255)


def thin_ridges(probability: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """Return thin lines: the ridges of a soft edge map that are at least ``level`` high.

    A pixel is on a ridge if it is a maximum in the direction, out of four, in which the map is most strongly curved.
    """
    padded = np.pad(probability, 1, mode="edge")
    height, width = probability.shape

    def shifted(down: int, right: int) -> NDArray[np.float32]:
        return padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]

    sharpest = np.zeros_like(probability)
    is_ridge = np.zeros(probability.shape, bool)
    # Diagonal neighbours are √2 away, so their second difference counts half.
    for down, right, weight in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.5), (1, -1, 0.5)):
        before, after = shifted(-down, -right), shifted(down, right)
        bend = (2 * probability - before - after) * np.float32(weight)
        sharper = bend > sharpest
        sharpest = np.where(sharper, bend, sharpest)
        is_ridge = np.where(sharper, (probability >= before) & (probability > after), is_ridge)
    return is_ridge & (probability >= level)


def add_outlines(edges: RGB, scene: Scene, _brush: Brush) -> None:
    """Draw the motifs' outlines as thin as the word's."""
    detail = DETAIL * LINE_WIDTH * min(scene.glyph.width, scene.glyph.height)
    for placed in scene.motifs:
        region, lines = outlines(placed, detail)
        brighten(edges, region, lines)


class CannyConditioning(Conditioning):
    """The outlines of the strokes."""

    control_type = "canny"

    def __init__(self) -> None:
        super().__init__(
            {
                "opencv_canny": Method(layered(opencv_canny, add_outlines)),
                "structured_edge_detection": Method(layered(structured_edge_detection, add_outlines)),
                "adaptive_canny": Method(layered(adaptive_canny, add_outlines)),
            }
        )
