"""Draw ``docs/images/conditioning.png``: eight words by all methods, for visual inspection.

    python -m training.conditioning_sheet [--depth-model FOLDER] [--segmentation-model FOLDER]

The columns of the two AI methods are filled if a model is given; otherwise the sheet says why they are empty.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from shared.settings import ConditioningSettings, load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from worker.conditioning import Brush, make_conditionings
from worker.glyphs import GlyphRenderer

# One to four characters, simple to dense, traditional, a kana word from a font, mixed.
WORDS = ("一", "永", "学习", "龍鬱", "火山灰", "人工智能", "ひらがな", "Café")
STYLES = ("ink_wash", "chalk", "comic", "oil", "neon", "woodblock", "watercolor", "papercut")
CELL, GAP, HEADER = 200, 6, 40
OUTPUT = Path("docs/images/conditioning.png")


def main(models: ConditioningSettings) -> None:
    """Draw and write the sheet."""
    settings = load_settings({})
    fonts = read_fonts(settings.fonts)
    renderer = GlyphRenderer(CharacterDatabase(), fonts)
    label = ImageFont.truetype(str(settings.fonts[0]), 15)
    columns = [
        (kind, name, kind.unavailable_methods.get(name))
        for kind in make_conditionings(models)
        for name in (*kind.available_methods, *kind.unavailable_methods)
    ]
    sheet = Image.new("RGB", (len(columns) * (CELL + GAP), HEADER + len(WORDS) * (CELL + GAP)), (30, 30, 34))
    draw = ImageDraw.Draw(sheet)
    for column, (_, name, _) in enumerate(columns):
        draw.text((column * (CELL + GAP) + 4, 10), name, font=label, fill=(235, 235, 235))
    for row, (word, style) in enumerate(zip(tqdm(WORDS, desc="words"), STYLES, strict=True)):
        glyph = renderer.render(word, 2 * CELL, 2 * CELL)
        brush = Brush(settings.styles[style].pen, seed=row)
        for column, (kind, name, reason) in enumerate(columns):
            place = (column * (CELL + GAP), HEADER + row * (CELL + GAP))
            if reason is None:
                image = kind.generate(glyph, name, brush)
                sheet.paste(Image.fromarray(np.asarray(image)).resize((CELL, CELL), Image.Resampling.LANCZOS), place)
            else:
                draw.text((place[0] + 8, place[1] + 100), "no model here", font=label, fill=(150, 150, 150))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(OUTPUT, optimize=True)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth-model")
    parser.add_argument("--segmentation-model")
    arguments = parser.parse_args()
    main(ConditioningSettings(depth_model=arguments.depth_model, segmentation_model=arguments.segmentation_model))
