"""A word's glyph: the place of each character, and its anti-aliased ink."""

from worker.glyphs.glyph import Glyph, GlyphRenderer, PlacedCharacter

__all__ = ["Glyph", "GlyphRenderer", "PlacedCharacter"]
