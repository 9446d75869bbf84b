"""The coverage of the fonts, read from their tables, so that the API can refuse what no font can draw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fontTools import unicodedata
from fontTools.ttLib import TTFont, TTLibError

from shared.errors import SettingsError
from shared.writing.clusters import JOINERS, PLAIN_SCRIPTS, is_composed, needs_tables


@dataclass(frozen=True)
class FontCoverage:
    """A font file, its characters with their advances in em, and the OpenType scripts that it can shape."""

    path: Path
    advances: Mapping[str, float]
    shapes: frozenset[str] = frozenset()

    def has(self, cluster: str) -> bool:
        """Return whether the font can draw a grapheme cluster: it has the characters, and shapes them if necessary."""
        if not all(character in self.advances for character in cluster if character not in JOINERS):
            return False
        return not needs_tables(cluster) or not self.shapes.isdisjoint(_tags(cluster))

    def advance(self, character: str) -> float:
        """Return a single character's advance in em.

        Raises:
            KeyError: the font lacks the character.
        """
        return self.advances[character]


def font_of(cluster: str, fonts: Sequence[FontCoverage]) -> FontCoverage | None:
    """Return the first of the fonts that can draw a grapheme cluster; None if none can."""
    return next((font for font in fonts if font.has(cluster)), None)


def read_fonts(paths: Iterable[Path]) -> tuple[FontCoverage, ...]:
    """Read the fonts' tables.

    Raises:
        SettingsError: a file is missing, or is not a TrueType or OpenType font.
    """
    return tuple(_read_font(path) for path in paths)


def _read_font(path: Path) -> FontCoverage:
    try:
        with TTFont(path, lazy=True) as font:
            em = font["head"].unitsPerEm
            metrics = font["hmtx"].metrics
            advances = {chr(code): metrics[name][0] / em for code, name in font.getBestCmap().items()}
            return FontCoverage(path, advances, _shaped_scripts(font))
    except (OSError, TTLibError) as error:
        raise SettingsError(f"fonts: cannot read {path}: {error}") from error


def _shaped_scripts(font: TTFont) -> frozenset[str]:
    """Return the scripts, as OpenType tags, whose letters the font substitutes (GSUB)."""
    table = font["GSUB"].table if "GSUB" in font else None
    scripts = table.ScriptList if table is not None else None
    records = scripts.ScriptRecord if scripts is not None else []
    return frozenset(record.ScriptTag for record in records if _has_features(record.Script))


def _has_features(script: Any) -> bool:
    languages = [script.DefaultLangSys, *(record.LangSys for record in script.LangSysRecord)]
    return any(language is not None and language.FeatureIndex for language in languages)


def _tags(cluster: str) -> list[str]:
    if is_composed(cluster):
        return ["hang"]
    scripts = {unicodedata.script(character) for character in cluster} - PLAIN_SCRIPTS
    return [tag for script in scripts for tag in unicodedata.ot_tags_from_script(script)]
