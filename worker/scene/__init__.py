"""A scene: the word and the motifs around it."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.writing.motif import Motif
from worker.glyphs import Glyph, GlyphRenderer

__all__ = ["PlacedMotif", "Scene", "compose"]


@dataclass(frozen=True, slots=True)
class PlacedMotif:
    """A motif and its place.

    Attributes:
        motif: what is drawn.
        box: left, top, width, height, in pixels.
    """

    motif: Motif
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Scene:
    """A word and the motifs around it, for one picture size.

    Attributes:
        glyph: the word.
        motifs: those that have a place, in the order given.
        left_out: the names of those for which there is no room.
    """

    glyph: Glyph
    motifs: tuple[PlacedMotif, ...]
    left_out: tuple[str, ...]


def compose(
    renderer: GlyphRenderer, word: str, width: int, height: int, motifs: Sequence[Motif], *, seed: int
) -> Scene:
    """Return the word alone: no motif has a place yet."""
    del seed
    return Scene(renderer.render(word, width, height), (), tuple(motif.name for motif in motifs))
