"""A contact sheet of a picture: its maps, its prompt and the picture itself, in one image."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from worker.glyphs import GlyphRenderer

PAPER, TEXT = (250, 248, 243), (40, 40, 44)
GAP, CAPTION, MAP_SIZE, PICTURE_SIZE = 16, 22, 232, 512


def contact_sheet(
    picture: Image.Image, maps: Mapping[str, Image.Image], prompt: str, fonts: Sequence[Path]
) -> Image.Image:
    """Return the sheet, with the captioned maps on the left, the picture on the right and the prompt below.

    Args:
        picture: RGB, of any size.
        maps: images by caption.
        prompt: the prompt, which may hold characters of any script.
        fonts: font files; the first is used for Latin text.
    """
    rows = (len(maps) + 1) // 2
    height = max(PICTURE_SIZE, rows * (MAP_SIZE + CAPTION + GAP) - GAP)
    sheet = Image.new("RGB", (2 * MAP_SIZE + PICTURE_SIZE + 4 * GAP, height + 3 * GAP + CAPTION), PAPER)
    writer = _Writer(sheet, fonts)
    for index, (caption, image) in enumerate(maps.items()):
        left = GAP + index % 2 * (MAP_SIZE + GAP)
        top = GAP + index // 2 * (MAP_SIZE + CAPTION + GAP)
        sheet.paste(image.resize((MAP_SIZE, MAP_SIZE), Image.Resampling.LANCZOS), (left, top))
        writer.write(caption, left, top + MAP_SIZE + 3, 13)
    enlarged = picture.resize((PICTURE_SIZE, PICTURE_SIZE), Image.Resampling.LANCZOS)
    sheet.paste(enlarged, (2 * MAP_SIZE + 3 * GAP, GAP))
    writer.write(prompt, GAP, height + 2 * GAP, 18)
    return sheet


class _Writer:
    """A writer of text lines that draws Latin text with a font and characters with stroke data from their strokes."""

    def __init__(self, sheet: Image.Image, fonts: Sequence[Path]) -> None:
        self._sheet = sheet
        self._font_path = str(fonts[0])
        self._database = CharacterDatabase()
        self._glyphs = GlyphRenderer(self._database, read_fonts(fonts))

    def write(self, text: str, left: float, top: float, size: int) -> None:
        font = ImageFont.truetype(self._font_path, size)
        draw = ImageDraw.Draw(self._sheet)
        for character in text:
            if self._database.has_strokes(character):
                ink = self._glyphs.render(character, size + 4, size + 4).ink
                self._sheet.paste(TEXT, (round(left), round(top) - 1), Image.fromarray(np.asarray(ink)))
                left += size + 2
            else:
                draw.text((left, top), character, fill=TEXT, font=font)
                left += font.getlength(character)
