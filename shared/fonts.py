"""Which characters a font has, read from its tables: the API refuses what no font can draw."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

from shared.errors import SettingsError


@dataclass(frozen=True)
class FontCoverage:
    """A font file, the characters it has, and their advances in em."""

    path: Path
    advances: Mapping[str, float]

    def has(self, character: str) -> bool:
        """Return whether the font has a glyph for the character."""
        return character in self.advances

    def advance(self, character: str) -> float:
        """Return the character's advance in em.

        Raises:
            KeyError: the font lacks the character.
        """
        return self.advances[character]


def read_fonts(paths: Iterable[Path]) -> tuple[FontCoverage, ...]:
    """Read the fonts' tables.

    Raises:
        SettingsError: a file is missing or is no TrueType or OpenType font.
    """
    return tuple(_read_font(path) for path in paths)


def _read_font(path: Path) -> FontCoverage:
    try:
        with TTFont(path, lazy=True) as font:
            em = font["head"].unitsPerEm
            metrics = font["hmtx"].metrics
            return FontCoverage(path, {chr(code): metrics[name][0] / em for code, name in font.getBestCmap().items()})
    except (OSError, TTLibError) as error:
        raise SettingsError(f"fonts: cannot read {path}: {error}") from error
