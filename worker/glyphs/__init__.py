"""A word's glyphs: where each character stands, and its anti-aliased ink."""

from worker.glyphs.glyph import Glyph, GlyphRenderer, PlacedCharacter

__all__ = ["Glyph", "GlyphRenderer", "PlacedCharacter"]
