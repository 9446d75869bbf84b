"""The type of a stroke: one of the six straight types, an upright one with a hook, or a bent one.

The type is derived only from the geometry of the database's strokes: the direction of the median, its corners, and
where the outline is thick. Angles are in degrees, 0 to the right and 90 **down** (the picture's y axis), so a rising
stroke has a negative angle.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.writing.characters import EM, Stroke
from worker.glyphs.outlines import flatten, to_em

Points = NDArray[np.float64]


class StrokeType(StrEnum):
    """Types of strokes, by their Chinese names."""

    HENG = "heng"  # 横, level
    SHU = "shu"  # 竖, upright
    PIE = "pie"  # 撇, falling to the left
    NA = "na"  # 捺, falling to the right
    DIAN = "dian"  # 点, dot
    TI = "ti"  # 提, rising
    SHU_GOU = "shu_gou"  # 竖钩, upright with a hook to the left
    ZHE = "zhe"  # 折, bent, or hooked in another way


# Number of points to which a median is resampled.
SAMPLES = 25
START, MIDDLE, BODY, END = 6, slice(8, 17), 18, slice(18, 25)


@dataclass(frozen=True, slots=True)
class Shape:
    """A stroke's measurements. Lengths are in em, angles in degrees.

    Attributes:
        length: of the median.
        straightness: distance between its ends divided by its length; 1 for a straight line.
        direction: from start to end.
        start, middle, end, tip: directions of its parts; the tip is the last eighth.
        body: direction of all but the last quarter, where a hook would be.
        sharpest_turn: largest change of direction within a sixth of the length.
        taper: thickness near the end divided by thickness near the start.
        fatness: largest half thickness divided by the length.
    """

    length: float
    straightness: float
    direction: float
    start: float
    middle: float
    end: float
    tip: float
    body: float
    sharpest_turn: float
    taper: float
    fatness: float


@lru_cache(maxsize=4096)
def stroke_type(stroke: Stroke) -> StrokeType:
    """Return the type of a stroke."""
    return classify(measure(stroke))


def measure(stroke: Stroke) -> Shape:
    """Return the measurements of a stroke."""
    points = _resample(to_em(np.array(stroke.median, dtype=np.float64)).astype(np.float64))
    length = float(np.hypot(*np.diff(points, axis=0).T).sum())
    outline = flatten(stroke.outline)
    half_widths = np.array([cv2.pointPolygonTest(outline, (float(x), float(y)), measureDist=True) for x, y in points])
    span = 4
    turning = np.unwrap(np.radians([_angle(points[i], points[i + span]) for i in range(SAMPLES - span)]))
    return Shape(
        length=length,
        straightness=float(np.hypot(*(points[-1] - points[0]))) / length,
        direction=_angle(points[0], points[-1]),
        start=_angle(points[0], points[START]),
        middle=_angle(points[MIDDLE][0], points[MIDDLE][-1]),
        end=_angle(points[END][0], points[-1]),
        tip=_angle(points[-4], points[-1]),
        body=_angle(points[0], points[BODY]),
        sharpest_turn=float(np.degrees(np.abs(turning[span:] - turning[:-span]).max())),
        taper=float(half_widths[16:22].mean() / max(half_widths[3:9].mean(), 1 / EM)),
        fatness=float(half_widths.max()) / length,
    )


def classify(shape: Shape) -> StrokeType:
    """Return the type of a stroke with these measurements.

    The thresholds are in the gaps between the types' distributions over the database.
    `docs/explanation/conditioning.md` compares the result with an independent table.
    """
    return _bent_type(shape) or _straight_type(shape)


def _bent_type(shape: Shape) -> StrokeType | None:
    """Return the type of a stroke with a corner or a hook; None for a straight or evenly curved one."""
    if shape.straightness >= 0.9 or (shape.straightness >= 0.8 and shape.sharpest_turn <= 52):
        return None
    falls_left = 94 < shape.direction <= 180
    tip_points_left = shape.tip > 128 or shape.tip < -110
    if (
        falls_left
        and tip_points_left
        and 40 < shape.start < 96
        and shape.body > 80
        and 0.5 < shape.straightness < 0.82
        and shape.sharpest_turn > 70
    ):
        return StrokeType.SHU_GOU
    opens_level = -30 < shape.start < 20 and shape.sharpest_turn > 85
    if falls_left and not opens_level and 110 < shape.end < 180 and shape.taper < 1 and shape.straightness > 0.75:
        return StrokeType.PIE  # curled at its head
    upright = 60 < shape.direction < 99 and shape.straightness > 0.86 and shape.end > 60
    if upright or (shape.straightness >= 0.8 and shape.sharpest_turn <= 60):
        return None
    return StrokeType.ZHE


def _straight_type(shape: Shape) -> StrokeType:
    if abs(shape.direction) > 150:
        return StrokeType.PIE  # nearly level, as on top of 千
    if shape.direction <= 62:
        return _rightward_type(shape)
    if shape.length < 0.3:
        return _short_downward_type(shape)
    return StrokeType.PIE if shape.end > 116 else StrokeType.SHU


def _rightward_type(shape: Shape) -> StrokeType:
    """Distinguish level, rising and right-falling strokes, and dots."""
    if shape.body <= 4.5 or shape.direction < -12:
        rises = shape.middle < -20 and shape.direction < -12
        thins_out = shape.taper < 0.55 and shape.direction < -9
        return StrokeType.TI if rises or thins_out else StrokeType.HENG
    if shape.end <= 20 and shape.length > 0.2:  # a na levels out at its foot
        return StrokeType.NA if shape.direction > 4 else StrokeType.HENG
    return StrokeType.NA if shape.length > 0.42 else StrokeType.DIAN


def _short_downward_type(shape: Shape) -> StrokeType:
    """Distinguish short upright strokes, short left-falling ones, and dots, which are thick at their end."""
    if shape.taper > 1.22:
        if shape.middle <= 72:
            return StrokeType.DIAN
        if shape.start > 105:
            return StrokeType.PIE
        return StrokeType.DIAN if shape.fatness > 0.1455 else StrokeType.SHU
    if shape.end > 117:
        return StrokeType.PIE
    leans_left_and_swells = shape.body > 96 and shape.taper > 1 and shape.length < 0.23
    return StrokeType.DIAN if shape.middle <= 63 or leans_left_and_swells else StrokeType.SHU


def _resample(points: Points) -> Points:
    """Return SAMPLES equidistant points along a line."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, along[-1], SAMPLES)
    return np.column_stack([np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])])


def _angle(start: NDArray[np.float64], end: NDArray[np.float64]) -> float:
    return float(np.degrees(np.arctan2(end[1] - start[1], end[0] - start[0])))
