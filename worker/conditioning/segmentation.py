"""Segmentation: flat, distinct colours on black."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from shared.schemas import ControlType
from worker.conditioning.base import RGB, Conditioning, Method
from worker.glyphs import Glyph
from worker.glyphs.glyph import draw_polygons

RADICAL_COLOUR = (220, 60, 50)
OTHER_COLOUR = (60, 140, 230)


def radical_segmentation(glyph: Glyph) -> RGB:
    """Return the strokes of each character's Kangxi radical in one colour and all other ink in another.

    Characters without stroke data have no known radical: their ink is of the second colour.
    """
    outlines = [
        outline
        for placed in glyph.characters
        if placed.strokes is not None
        for stroke, outline in zip(placed.strokes.strokes, placed.outlines(), strict=True)
        if stroke.in_radical
    ]
    radical = draw_polygons(outlines, glyph.width, glyph.height) > 127
    colours = np.zeros((glyph.height, glyph.width, 3), np.uint8)
    colours[glyph.mask] = OTHER_COLOUR
    colours[radical & glyph.mask] = RADICAL_COLOUR
    return colours


class SegmentationConditioning(Conditioning):
    """The word's parts."""

    control_type: ClassVar[ControlType] = "segmentation"
    methods: ClassVar[Mapping[str, Method]] = {"radical_segmentation": radical_segmentation}
