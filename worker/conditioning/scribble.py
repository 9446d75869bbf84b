"""Scribble: one white line along each stroke, on black."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.styles import Pen
from worker.conditioning.base import LINE_WIDTH, RGB, Brush, Conditioning, Method, brighten, layered, to_rgb
from worker.conditioning.outlines import outlines
from worker.glyphs import Glyph, PlacedCharacter
from worker.glyphs.glyph import SHIFT
from worker.scene import Scene

Line = NDArray[np.float64]
Gray = NDArray[np.uint8]

# The pen of `hand_drawn_simulation`: fine, moderately fast and moderately careful.
PLAIN_HAND = Pen(width=LINE_WIDTH, pressure=0.45, speed=0.4, roughness=0.45)

# For motifs' outlines: the omitted detail and the widest pen, in line widths.
DETAIL, WIDEST = 0.5, 1.25

# In em: spacing of points along a line, wavelength of the tremor, its largest amplitude, largest overshoot.
SPACING, TREMOR_WAVE, TREMOR_SWING, OVERSHOOT = 1 / 64, 1 / 10, 0.022, 0.06
# Width of the widest pen, in widths of the character's strokes.
MAX_WIDTH = 1.1


def skeletonization_scribble(glyph: Glyph, _brush: Brush) -> RGB:
    """Return the ink's skeleton (Zhang and Suen 1984), drawn with an even, round pen."""
    return to_rgb(cv2.dilate(glyph.skeleton.view(np.uint8) * 255, _nib(_line_width(glyph))))


def hand_drawn_simulation(glyph: Glyph, brush: Brush) -> RGB:
    """Return the strokes redrawn by a hand with tremor, varying pressure and overshoot; deterministic for a seed."""
    return to_rgb(_redraw(glyph, PLAIN_HAND, brush.seed))


def style_aware_scribble(glyph: Glyph, brush: Brush) -> RGB:
    """Return the strokes redrawn with the style's pen: a dry brush, a marker, a piece of chalk."""
    return to_rgb(_redraw(glyph, brush.pen, brush.seed))


def add_even_outlines(drawing: RGB, scene: Scene, _brush: Brush) -> None:
    """Draw the motifs' outlines with the skeleton's even pen."""
    width = _line_width(scene.glyph)
    for placed in scene.motifs:
        region, lines = outlines(placed, DETAIL * width)
        brighten(drawing, region, cv2.dilate(lines, _nib(width)).astype(np.uint8, copy=False))


def add_simulated_outlines(drawing: RGB, scene: Scene, brush: Brush) -> None:
    """Draw the motifs' outlines with the same hand as the word."""
    _redraw_outlines(drawing, scene, PLAIN_HAND, brush.seed)


def add_styled_outlines(drawing: RGB, scene: Scene, brush: Brush) -> None:
    """Draw the motifs' outlines with the style's pen."""
    _redraw_outlines(drawing, scene, brush.pen, brush.seed)


def skeleton_notes(glyph: Glyph) -> dict[str, Any]:
    """Return which characters have no stroke data, so that their skeletons were redrawn; {} if all have."""
    return {"skeletons": glyph.without_strokes} if glyph.without_strokes else {}


def _redraw_outlines(drawing: RGB, scene: Scene, pen: Pen, seed: int) -> None:
    glyph = scene.glyph
    random = np.random.default_rng([seed, len(scene.motifs)])
    width = min(pen.width, WIDEST * LINE_WIDTH) * min(glyph.width, glyph.height)
    canvas = np.zeros((glyph.height, glyph.width), np.uint8)
    for placed in scene.motifs:
        region, lines = outlines(placed, DETAIL * width)
        roughness = max(placed.box[2:]) * pen.roughness
        canvas[region] = _redraw_skeleton(lines > 0, width * (1 - 0.5 * pen.pressure), roughness, random)
    drawn = _show_paper(canvas, pen, random) if pen.grain else canvas
    brighten(drawing, (slice(None), slice(None)), drawn)


def _line_width(glyph: Glyph) -> int:
    """Return the even pen's width in pixels."""
    return max(1, round(LINE_WIDTH * min(glyph.width, glyph.height)))


def _nib(width: int) -> Gray:
    """Return a round nib, (width, width)."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)).astype(np.uint8, copy=False)


def _redraw(glyph: Glyph, pen: Pen, seed: int) -> Gray:
    random = np.random.default_rng(seed)
    canvas = np.zeros((glyph.height, glyph.width), np.uint8)
    for placed in glyph.drawn:
        width = min(pen.width * min(glyph.width, glyph.height), MAX_WIDTH * _stroke_width(glyph, placed))
        if placed.strokes is None:
            region = placed.box.region(glyph.width, glyph.height)
            nib = width * (1 - 0.5 * pen.pressure)
            lines = _redraw_skeleton(glyph.skeleton[region], nib, placed.box.em * pen.roughness, random)
            np.maximum(canvas[region], lines, out=canvas[region])
            continue
        em = placed.box.em
        for median in placed.medians():
            line = _evenly(median.astype(np.float64), SPACING * em)
            drawn = _overshoot(_tremble(line, em, pen.roughness, random), em, pen.speed, random)
            _draw(canvas, drawn, width * _pressure(len(drawn), pen, random))
    return _show_paper(canvas, pen, random) if pen.grain else canvas


def _stroke_width(glyph: Glyph, placed: PlacedCharacter) -> float:
    """Return the average width of a character's strokes in pixels. A much wider pen would fill it with ink."""
    region = placed.box.region(glyph.width, glyph.height)
    if placed.strokes is None:
        length = float(glyph.skeleton[region].sum())
    else:
        length = sum(float(np.hypot(*np.diff(median, axis=0).T).sum()) for median in placed.medians())
    return float(glyph.mask[region].sum()) / max(length, 1.0)


def _redraw_skeleton(
    skeleton: NDArray[np.bool_], width: float, roughness_px: float, random: np.random.Generator
) -> Gray:
    """Redraw the skeleton of a character without stroke data, on distorted paper.

    The skeleton's lines branch, so a hand has no path to follow. Distorting the paper instead of the path keeps the
    lines connected.
    """
    rows, columns = skeleton.shape
    knots = round(1 / TREMOR_WAVE)
    swing = random.normal(0, TREMOR_SWING * roughness_px * 0.5, (knots, knots, 2)).astype(np.float32)
    pull = cv2.resize(swing, (columns, rows), interpolation=cv2.INTER_CUBIC)
    across, down = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    drawn = cv2.dilate(skeleton.view(np.uint8) * 255, _nib(max(1, round(width))))
    pulled = cv2.remap(drawn, across + pull[:, :, 0], down + pull[:, :, 1], cv2.INTER_LINEAR)
    return pulled.astype(np.uint8, copy=False)


def _evenly(points: Line, spacing: float) -> Line:
    """Return a line with equidistant points, at least four."""
    steps = np.hypot(*np.diff(points, axis=0).T) if len(points) > 1 else np.zeros(0)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, along[-1], max(4, int(along[-1] / spacing)))
    return np.column_stack([np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])])


def _tremble(line: Line, em: float, roughness: float, random: np.random.Generator) -> Line:
    """Return the line with a slow, smooth sideways tremor."""
    if not roughness:
        return line
    knots = max(3, int(len(line) * SPACING / TREMOR_WAVE) + 2)
    swing = random.normal(0, TREMOR_SWING * em * roughness * 0.5, (knots, 2))
    at = np.linspace(0, knots - 1, len(line))
    return line + np.column_stack([_smooth(at, swing[:, axis]) for axis in (0, 1)])


def _smooth(at: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate smoothly between values: tangents are level at each one, so there are no corners."""
    index = np.minimum(at.astype(int), len(values) - 2)
    part = at - index
    ease = part * part * (3 - 2 * part)
    between: NDArray[np.float64] = values[index] * (1 - ease) + values[index + 1] * ease
    return between


def _overshoot(line: Line, em: float, speed: float, random: np.random.Generator) -> Line:
    """Return the line extended a little beyond its end in its last direction."""
    reach = random.uniform(0, OVERSHOOT * speed) * em
    direction = line[-1] - line[-min(4, len(line))]
    length = float(np.hypot(*direction))
    if reach < 1 or not length:
        return line
    beyond = line[-1] + direction / length * np.linspace(0, reach, 4)[1:, None]
    return np.vstack([line, beyond])


def _pressure(count: int, pen: Pen, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the width along the line, 1 at full pressure: firm at the start, then lighter, and lifted at speed."""
    t = np.linspace(0, 1, count)
    waver = _smooth(np.linspace(0, 4, count), random.uniform(-0.25, 0.25, 6))
    relief = 0.55 * np.sin(np.pi * np.clip(t * 1.15, 0, 1)) + waver
    lift = pen.speed * np.clip((t - 0.7) / 0.3, 0, 1) ** 2
    return np.clip(1 - pen.pressure * relief - 0.8 * lift, 0.15, 1.3)


def _draw(canvas: Gray, line: Line, widths: NDArray[np.float64]) -> None:
    fixed = np.round(line * (1 << SHIFT)).astype(np.int32)
    thickness = np.maximum(1, np.round(widths)).astype(int)
    for start, end, width in zip(fixed[:-1], fixed[1:], thickness, strict=False):
        cv2.line(canvas, start.tolist(), end.tolist(), 255, int(width), cv2.LINE_AA, SHIFT)


def _show_paper(canvas: Gray, pen: Pen, random: np.random.Generator) -> Gray:
    """Return the drawing with flecks of paper, scaled by the pen's roughness."""
    height, width = canvas.shape
    cell = max(1.0, pen.width * min(height, width) / 5)
    coarse = random.integers(0, 256, (int(height / cell) + 2, int(width / cell) + 2), dtype=np.uint8)
    noise = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    _, paper = cv2.threshold(noise, 255 * (1 - 0.45 * pen.grain), 255, cv2.THRESH_BINARY)
    return cv2.subtract(canvas, paper).astype(np.uint8, copy=False)


class ScribbleConditioning(Conditioning):
    """The word as written with a pen."""

    control_type = "scribble"

    def __init__(self) -> None:
        super().__init__(
            {
                "skeletonization_scribble": Method(layered(skeletonization_scribble, add_even_outlines)),
                "hand_drawn_simulation": Method(
                    layered(hand_drawn_simulation, add_simulated_outlines), notes=skeleton_notes
                ),
                "style_aware_scribble": Method(
                    layered(style_aware_scribble, add_styled_outlines), notes=skeleton_notes
                ),
            }
        )
