"""The font files from which the recogniser learns, and the characters of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import ImageFont
from tqdm import tqdm

WEIGHTS = ("400", "500", "700")
# Families that are kept for the test: their shapes are never trained on.
TEST_FAMILIES = frozenset(
    {
        *("open-sans", "pt-serif", "nanum-gothic", "heebo", "gfs-neohellenic", "be-vietnam-pro", "zen-maru-gothic"),
        *("tajawal", "sarabun", "hind"),
    }
)


@dataclass(frozen=True)
class Face:
    """A font file and those of the wanted characters that it has; `is_own`: the service draws with it."""

    path: Path
    characters: tuple[str, ...]
    is_own: bool
    is_for_test: bool


def read_faces(folder: Path, own: Sequence[Path], wanted: frozenset[str]) -> list[Face]:
    """Return the faces in the service's own fonts and in the unpacked npm packages ``@fontsource/…`` in a folder."""
    faces = []
    for path, is_own, is_for_test in tqdm(files_of(folder, own), desc="fonts"):
        with TTFont(path, lazy=True) as font:
            known = {chr(code) for code in font.getBestCmap()}
        if found := tuple(sorted(known & wanted)):
            faces.append(Face(path, found, is_own, is_for_test))
    return faces


def files_of(folder: Path, own: Sequence[Path]) -> list[tuple[Path, bool, bool]]:
    """Return the font files, and of each whether it is the service's own and whether it is kept for the test."""
    files = [path for path in sorted(folder.rglob("*.woff2")) if path.stem.split("-")[-2] in WEIGHTS]
    return [
        *((path, True, False) for path in own),
        *((path, False, path.relative_to(folder).parts[0] in TEST_FAMILIES) for path in files),
    ]


@lru_cache(maxsize=4096)
def load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """Return a font of a size in pixels."""
    return ImageFont.truetype(str(path), size)
