"""Turn an SVG drawing into a motif's flat shapes, with a few colours and without gradients or transparency.

The outlines come from the drawing's paths (picosvg turns strokes into areas and resolves clips and references). The
colours come from what a renderer (resvg) shows where a path is on top.
"""

import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray
from pathops import PathVerb
from picosvg.svg import SVG
from picosvg.svg_pathops import skia_path
from picosvg.svg_types import SVGPath
from PIL import Image

from shared.writing.motif import SIDE, Contour, Shape

# Pixels along the longer side of the drawing when it is measured.
CANVAS = 1024
# Shapes that show less than this share of the drawing are dropped, as are those that hardly differ from what they cover
# (Euclidean distance in CIELAB).
MIN_AREA = 0.0006
MIN_CONTRAST = 7.0
# A path that is more transparent than this only shades others.
MIN_OPACITY = 0.25
# The most colours of a motif, and the distance below which two colours are merged.
MAX_COLOURS = 10
SAME_COLOUR = 9.0
# How far a polygon may deviate from its curve, in units of the motif.
TOLERANCE = 1.3
# Line segments per curve.
SEGMENTS = 12

GRADIENT = re.compile(
    r'<(?P<kind>linearGradient|radialGradient)\b[^>]*?\bid="(?P<id>[^"]*)"[^>]*?(/>|>.*?</(?P=kind)>)', re.DOTALL
)

Point = NDArray[np.float64]
Polygon = NDArray[np.float32]
Colour = NDArray[np.float32]


@dataclass
class Area:
    """A path as polygons in pixels of the canvas, and its mean colour in CIELAB."""

    polygons: list[Polygon]
    colour: Colour


def flat_shapes(
    body: str, view_box: tuple[float, float], without: Collection[int] = ()
) -> tuple[tuple[int, int], tuple[Shape, ...]]:
    """Return the size (width, height) in units and the shapes of a drawing.

    Args:
        body: the content of the svg element.
        view_box: its width and height.
        without: indices of paths to omit.

    Raises:
        ValueError: no shape is left.
    """
    flat = _without_gradients(body)
    scale = CANVAS / max(view_box)
    areas = [
        Area(polygons, np.zeros(3, np.float32))
        for index, path in enumerate(_paths(flat, view_box))
        if index not in without and (polygons := _polygons(path, scale))
    ]
    areas = _coloured(areas, _render(body, view_box))
    if not areas:
        raise ValueError("nothing is left of the drawing")
    _share_colours(areas)
    return _in_units(areas)


def _svg(body: str, view_box: tuple[float, float]) -> str:
    width, height = view_box
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width:g} {height:g}">{body}</svg>'
    )


def _without_gradients(body: str) -> str:
    """Return the drawing with gradients replaced by black (colours are measured later), or by nothing if they fade."""
    # picosvg reads SVG 1.1, in which references have a namespace.
    body = re.sub(r'(?<=\s)href="#', 'xlink:href="#', body)
    gradients = {match["id"]: match[0] for match in GRADIENT.finditer(body)}

    def paint(match: re.Match[str]) -> str:
        return f'{match[1]}="{"none" if _fades(match[2], gradients) else "#000"}"'

    return re.sub(r'(fill|stroke)="url\(#([^)]*)\)"', paint, GRADIENT.sub("", body))


def _fades(identifier: str, gradients: Mapping[str, str]) -> bool:
    """Return whether a gradient, or the one whose stops it uses, is transparent anywhere."""
    gradient = gradients[identifier]
    if re.search(r'stop-opacity="(0|0?\.0\d*|0?\.1\d*)"', gradient):
        return True
    reference = re.search(r'xlink:href="#([^"]*)"', gradient)
    return reference is not None and _fades(reference[1], gradients)


def _paths(body: str, view_box: tuple[float, float]) -> list[SVGPath]:
    pico = SVG.fromstring(_svg(body, view_box)).topicosvg(drop_unsupported=True)
    return [shape.as_path() for shape in pico.shapes() if shape.opacity * shape.fill_opacity > MIN_OPACITY]


def _polygons(path: SVGPath, scale: float) -> list[Polygon]:
    """Return a path's outline as polygons for the even-odd rule, in pixels of the canvas."""
    outline = skia_path(path.as_cmd_seq(), path.fill_rule or "nonzero")
    outline.simplify(fix_winding=True)
    outline.convertConicsToQuads()
    polygons: list[list[Point]] = [[]]
    for verb, given in outline:
        ends = [np.array(end, dtype=np.float64) for end in given]
        if verb == PathVerb.MOVE:
            polygons.append(ends)
        elif verb == PathVerb.LINE:
            polygons[-1] += ends
        elif verb != PathVerb.CLOSE:
            polygons[-1] += _along_bezier(np.array([polygons[-1][-1], *ends]))
    return [(np.array(points) * scale).astype(np.float32) for points in polygons if len(points) > 2]


def _along_bezier(controls: NDArray[np.float64]) -> list[Point]:
    """Return points along a Bézier curve (de Casteljau 1959), without its start."""
    times = np.linspace(0, 1, SEGMENTS + 1)[1:, None, None]
    levels = np.broadcast_to(controls, (SEGMENTS, *controls.shape))
    while levels.shape[1] > 1:
        levels = (1 - times) * levels[:, :-1] + times * levels[:, 1:]
    return list(levels[:, 0])


def _render(body: str, view_box: tuple[float, float]) -> NDArray[np.uint8]:
    """Return the drawing (height, width, 4), its longer side `CANVAS` pixels."""
    width, height = view_box
    scale = CANVAS / max(view_box)
    data = resvg_py.svg_to_bytes(
        svg_string=_svg(body, view_box), width=round(width * scale), height=round(height * scale)
    )
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGBA"))


def _coloured(areas: list[Area], rendered: NDArray[np.uint8]) -> list[Area]:
    """Return the distinguishable areas, each with the mean colour of its visible part."""
    owner = np.zeros(rendered.shape[:2], np.int32)
    for index, area in enumerate(areas, 1):
        cv2.fillPoly(owner, [np.round(polygon).astype(np.int32) for polygon in area.polygons], color=index)
    opacity = rendered[..., 3:] / np.float32(255)
    on_white = rendered[..., :3] / np.float32(255) * opacity + 1 - opacity
    lab = cv2.cvtColor(on_white.astype(np.float32), cv2.COLOR_RGB2LAB)
    seen = rendered[..., 3] > 255 * MIN_OPACITY
    kept: list[Area] = []
    under = np.full((*owner.shape, 3), 1e3, np.float32)
    for index, area in enumerate(areas, 1):
        shown = (owner == index) & seen
        # The rim is blended with its neighbours, so measure the interior if there is one.
        inner = cv2.erode(shown.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        # A glow is more transparent than visible.
        if shown.mean() < MIN_AREA or shown.sum() < 0.7 * (owner == index).sum():
            continue
        area.colour = np.median(lab[inner if inner.sum() > 50 else shown], axis=0).astype(np.float32)
        whole = np.zeros(owner.shape, np.uint8)
        cv2.fillPoly(whole, [np.round(polygon).astype(np.int32) for polygon in area.polygons], color=1)
        covered = under[whole.astype(bool)]
        if (np.linalg.norm(covered - area.colour, axis=1) < MIN_CONTRAST).mean() > 0.97:
            continue
        under[whole.astype(bool)] = area.colour
        kept.append(area)
    return kept


def _share_colours(areas: list[Area]) -> None:
    """Merge the closest colours until they are few and distinct."""
    weights = [sum(abs(cv2.contourArea(polygon)) for polygon in area.polygons) for area in areas]
    groups = [[index] for index in range(len(areas))]

    def mean(group: list[int]) -> Colour:
        return np.average(
            [areas[index].colour for index in group], axis=0, weights=[weights[index] + 1 for index in group]
        )

    while len(groups) > 1:
        means = np.array([mean(group) for group in groups])
        distances = np.linalg.norm(means[:, None] - means[None], axis=2) + np.eye(len(groups)) * 1e6
        one, two = np.unravel_index(distances.argmin(), distances.shape)
        if distances[one, two] > SAME_COLOUR and len(groups) <= MAX_COLOURS:
            break
        groups[one] += groups.pop(two) if two > one else groups[two]
        if two < one:
            groups.pop(two)
    for group in groups:
        shared = mean(group).astype(np.float32)
        for index in group:
            areas[index].colour = shared


def _in_units(areas: list[Area]) -> tuple[tuple[int, int], tuple[Shape, ...]]:
    """Return the size and the shapes in units of the tight box, with adjacent shapes of one colour joined."""
    everything = np.concatenate([polygon for area in areas for polygon in area.polygons])
    low, high = everything.min(0), everything.max(0)
    scale = SIDE / float((high - low).max())
    width, height = (min(SIDE, int(side)) for side in np.ceil((high - low) * scale))
    shapes: list[Shape] = []
    for area in areas:
        contours = [contour for polygon in area.polygons if (contour := _contour((polygon - low) * scale))]
        if not contours:
            continue
        rgb = cv2.cvtColor(area.colour.reshape(1, 1, 3), cv2.COLOR_LAB2RGB).reshape(3)
        red, green, blue = (int(value) for value in np.clip(np.rint(rgb * 255), 0, 255))
        shapes.append(Shape((red, green, blue), tuple(contours)))
    return (width, height), tuple(shapes)


def _contour(polygon: Polygon) -> Contour | None:
    if abs(cv2.contourArea(polygon)) < 30:
        return None
    points = cv2.approxPolyDP(polygon.reshape(-1, 1, 2), TOLERANCE, closed=True).reshape(-1, 2)
    return tuple((int(x), int(y)) for x, y in np.rint(points)) if len(points) > 2 else None
