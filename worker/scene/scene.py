"""A scene: the word's glyph and the motifs around it, at one picture size."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.writing.motif import Motif
from worker.glyphs import Glyph
from worker.scene.raster import RGBA, draw_anti_aliased, draw_flat

RGB = NDArray[np.uint8]


@dataclass(frozen=True)
class PlacedMotif:
    """A motif and its place.

    Attributes:
        motif: the motif.
        box: left, top, width and height in pixels, entirely inside the picture.
    """

    motif: Motif
    box: tuple[int, int, int, int]

    def __getstate__(self) -> dict[str, object]:
        """Return a copy, since another thread may compute a property while this one is pickled."""
        return vars(self).copy()

    def region(self, margin: int = 0) -> tuple[slice, slice]:
        """Return the box's rows and columns in the picture, with a margin in pixels."""
        left, top, width, height = self.box
        return slice(top - margin, top + height + margin), slice(left - margin, left + width + margin)

    @cached_property
    def collage(self) -> RGBA:
        """(height, width, 4) of the box: anti-aliased colours multiplied by their coverage, and the coverage."""
        return draw_anti_aliased(self.motif, *self.box[2:])

    @cached_property
    def flat(self) -> RGBA:
        """(height, width, 4) of the box: flat colours of the shapes; the last channel is 255 inside, 0 outside."""
        return draw_flat(self.motif, *self.box[2:])


@dataclass(frozen=True)
class Scene:
    """A word and the motifs of its meaning.

    Attributes:
        glyph: the word at the picture's size.
        motifs: the placed motifs, in the order of the request.
        left_out: names of the motifs for which there was no room.
    """

    glyph: Glyph
    motifs: tuple[PlacedMotif, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def page(self) -> RGB:
        """(height, width, 3): the scene as a photograph would show it, with coloured motifs and black ink on white."""
        page = np.repeat((255 - self.glyph.ink)[:, :, None], 3, axis=2)
        for placed in self.motifs:
            # Motifs are clear of the ink, so the paper beneath them is white.
            paper = cv2.cvtColor(255 - placed.collage[:, :, 3], cv2.COLOR_GRAY2RGB)
            page[placed.region()] = cv2.add(placed.collage[:, :, :3], paper)
        return page
