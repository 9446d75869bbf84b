"""Segmentation: flat, distinct colours on black."""

import unicodedata
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.conditioning.ai_models import Segmenter
from worker.conditioning.base import RGB, Brush, Conditioning, Method, layered
from worker.glyphs import Glyph, PlacedCharacter
from worker.glyphs.glyph import SHIFT
from worker.glyphs.outlines import Polygon
from worker.glyphs.stroke_types import StrokeType, stroke_type
from worker.scene import Scene

Colour = tuple[int, int, int]

RADICAL_COLOUR: Colour = (220, 60, 50)
OTHER_COLOUR: Colour = (60, 140, 230)

# The legend is in docs/explanation/conditioning.md.
STROKE_COLOURS: dict[StrokeType, Colour] = {
    StrokeType.HENG: (230, 70, 60),
    StrokeType.SHU: (60, 130, 235),
    StrokeType.PIE: (70, 190, 80),
    StrokeType.NA: (245, 190, 40),
    StrokeType.DIAN: (170, 90, 220),
    StrokeType.TI: (240, 130, 40),
    StrokeType.SHU_GOU: (40, 200, 210),
    StrokeType.ZHE: (235, 90, 160),
}

# For parts without a type. Neighbours in the list differ strongly.
PART_COLOURS: tuple[Colour, ...] = (
    (230, 70, 60),
    (60, 130, 235),
    (70, 190, 80),
    (245, 190, 40),
    (170, 90, 220),
    (40, 200, 210),
    (240, 130, 40),
    (235, 90, 160),
    (150, 160, 60),
    (110, 120, 150),
)

GROUND: Colour = (0, 0, 0)
# Colours that carry a meaning for the word.
WORD_COLOURS = frozenset({RADICAL_COLOUR, OTHER_COLOUR, *STROKE_COLOURS.values(), *PART_COLOURS})
# No motif may have exactly one of these.
RESERVED = WORD_COLOURS | {GROUND}

KANGXI_BLOCK = 0x2F00


def radical_segmentation(glyph: Glyph, _brush: Brush) -> RGB:
    """Return each character's strokes in two colours: those of its Kangxi radical, and the others.

    Characters from fonts have no known radical. Their connected parts are coloured instead.
    """
    colours = np.zeros((glyph.height, glyph.width, 3), np.uint8)
    for placed in glyph.drawn:
        if placed.strokes is None:
            _colour_parts(colours, glyph, placed)
            continue
        coloured = [
            (outline, RADICAL_COLOUR if stroke.in_radical else OTHER_COLOUR)
            for stroke, outline in zip(placed.strokes.strokes, placed.outlines(), strict=True)
        ]
        # The radical is painted last, so that it stays whole where other strokes touch it.
        _paint(colours, sorted(coloured, key=lambda item: item[1] == RADICAL_COLOUR))
    return _inside(glyph, colours)


def stroke_type_segmentation(glyph: Glyph, _brush: Brush) -> RGB:
    """Return each stroke in the colour of its type. Where strokes overlap, the later one is on top.

    Characters from fonts have no strokes. Their connected parts are coloured instead.
    """
    colours = np.zeros((glyph.height, glyph.width, 3), np.uint8)
    for placed in glyph.drawn:
        if placed.strokes is None:
            _colour_parts(colours, glyph, placed)
        else:
            kinds = (STROKE_COLOURS[stroke_type(stroke)] for stroke in placed.strokes.strokes)
            _paint(colours, zip(placed.outlines(), kinds, strict=True))
    return _inside(glyph, colours)


def radical_notes(glyph: Glyph) -> dict[str, Any]:
    """Return each character's radical: number, form, meaning (Unicode's name), and how many strokes it has here."""
    radicals = []
    for placed in glyph.characters:
        if placed.strokes is not None and placed.strokes.radical is not None:
            symbol = chr(KANGXI_BLOCK + placed.strokes.radical - 1)
            radicals.append(
                {
                    "character": placed.character,
                    "number": placed.strokes.radical,
                    "name": unicodedata.normalize("NFKC", symbol),
                    "meaning": unicodedata.name(symbol).removeprefix("KANGXI RADICAL ").lower(),
                    "strokes": sum(stroke.in_radical for stroke in placed.strokes.strokes),
                }
            )
    return {"radicals": radicals, **fallback_notes(glyph)}


def stroke_notes(glyph: Glyph) -> dict[str, Any]:
    """Return each character's stroke types in writing order."""
    types = {
        placed.character: [stroke_type(stroke).value for stroke in placed.strokes.strokes]
        for placed in glyph.characters
        if placed.strokes is not None
    }
    return {"stroke_types": types, **fallback_notes(glyph)}


def fallback_notes(glyph: Glyph) -> dict[str, Any]:
    """Return which characters have no stroke data, so that their connected parts were used; {} if all have."""
    return {"connected_parts": glyph.without_strokes} if glyph.without_strokes else {}


def add_regions(colours: RGB, scene: Scene, _brush: Brush) -> None:
    """Paint the motifs' shapes in their own colours."""
    for placed in scene.motifs:
        flat, inside = placed.flat[:, :, :3].copy(), placed.flat[:, :, 3]
        for colour in {shape.colour for shape in placed.motif.shapes} & RESERVED:
            flat[(flat == colour).all(2)] = apart(colour)
        colours[placed.region()] = cv2.copyTo(flat, inside, colours[placed.region()].copy())


def apart(colour: Colour) -> NDArray[np.uint8]:
    """Return a colour close to the given one that is not reserved."""
    return np.array([channel - 1 if channel else 1 for channel in colour], np.uint8)


def prompt_points(glyph: Glyph) -> NDArray[np.float32]:
    """Return one point inside each stroke, or inside each connected part of a character from a font, (n, 2)."""
    points: list[NDArray[Any]] = []
    for placed in glyph.drawn:
        if placed.strokes is not None:
            points += [median[len(median) // 2] for median in placed.medians()]
            continue
        count, labels, (left, top) = _parts(glyph, placed)
        for part in range(1, count):
            depth = cv2.distanceTransform((labels == part).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
            row, column = np.unravel_index(depth.argmax(), depth.shape)
            points.append(np.array([left + column, top + row]))
    return np.array(points, dtype=np.float32)


def flat_colours(masks: Iterable[NDArray[np.bool_]], width: int, height: int) -> RGB:
    """Return masks as flat colours, small masks over large ones. Of masks of the same size, later ones are on top.

    Args:
        masks: (height, width) each. They are read once, and only one is held at a time.
        width: pixels.
        height: pixels.
    """
    sizes: list[int] = []
    top = np.full((height, width), -1, np.int32)  # the smallest mask of each pixel; -1: none
    least = np.full((height, width), width * height, np.int32)  # its size
    for index, mask in enumerate(masks):
        sizes.append(int(mask.sum()))
        is_smaller = mask & (sizes[-1] <= least)
        top[is_smaller], least[is_smaller] = index, sizes[-1]
    palette = np.array([GROUND] * (len(sizes) + 1), np.uint8)
    for rank, index in enumerate(sorted(range(len(sizes)), key=lambda index: -sizes[index])):
        palette[index] = PART_COLOURS[rank % len(PART_COLOURS)]
    return palette[top]


def _paint(colours: RGB, coloured: Iterable[tuple[Polygon, Colour]]) -> None:
    """Fill polygons, later ones on top. Each gets a rim, for ink that two strokes cover only together."""
    fixed = [(np.round((outline - 0.5) * (1 << SHIFT)).astype(np.int32), colour) for outline, colour in coloured]
    for points, colour in fixed:
        cv2.polylines(colours, [points], isClosed=True, color=colour, thickness=3, shift=SHIFT)
    for points, colour in fixed:
        cv2.fillPoly(colours, [points], color=colour, shift=SHIFT)


def _colour_parts(colours: RGB, glyph: Glyph, placed: PlacedCharacter) -> None:
    count, labels, (left, top) = _parts(glyph, placed)
    palette = np.zeros((count, 3), np.uint8)
    for part in range(1, count):
        palette[part] = PART_COLOURS[(part - 1) % len(PART_COLOURS)]
    region = colours[top : top + labels.shape[0], left : left + labels.shape[1]]
    np.maximum(region, palette[labels], out=region)


def _parts(glyph: Glyph, placed: PlacedCharacter) -> tuple[int, NDArray[np.int32], tuple[int, int]]:
    """Return a character's connected parts: the number of labels, paper included, the labels, and (left, top)."""
    rows, columns = placed.box.region(glyph.width, glyph.height)
    count, labels = cv2.connectedComponents(glyph.mask[rows, columns].astype(np.uint8))
    return count, labels.astype(np.int32), (columns.start, rows.start)


def _inside(glyph: Glyph, colours: RGB) -> RGB:
    """Return the colours where there is ink, black elsewhere."""
    return cv2.bitwise_and(colours, colours, mask=glyph.mask.view(np.uint8)).astype(np.uint8, copy=False)


class SegmentationConditioning(Conditioning):
    """The word's parts."""

    control_type = "segmentation"

    def __init__(self, model: str | None = None) -> None:
        """Set the model of `ai_segmentation`: hub name or local folder. Without one the method is unavailable."""
        segmenter = Segmenter(model)

        def ai_segmentation(scene: Scene, brush: Brush) -> RGB:
            glyph = scene.glyph
            colours = flat_colours(segmenter.masks(scene.page, prompt_points(glyph)), glyph.width, glyph.height)
            add_regions(colours, scene, brush)
            return colours

        super().__init__(
            {
                "radical_segmentation": Method(layered(radical_segmentation, add_regions), notes=radical_notes),
                "stroke_type_segmentation": Method(layered(stroke_type_segmentation, add_regions), notes=stroke_notes),
                "ai_segmentation": Method(ai_segmentation, notes=fallback_notes, unavailable=segmenter.why_unavailable),
            }
        )
