"""Draw ``docs/images/scenes.jpg``: twelve words with their meanings, as collages and as the four default maps.

python -m training.scene_sheet
"""

import argparse

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from shared.settings import ConditioningSettings, load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from shared.writing.imagery import Imagery
from shared.writing.words import resolve_imagery, resolve_meaning
from training.conditioning_sheet import OUTPUT as CONDITIONING_SHEET
from worker.conditioning import make_conditionings
from worker.glyphs import GlyphRenderer
from worker.scene import compose

WORDS = ("学习", "下雨", "狗", "咖啡", "学校", "生日", "飞机", "音乐", "医院", "冬天", "朋友", "kitchen")
DRAWN, CELL, GAP, HEADER = 512, 200, 4, 30
OUTPUT = CONDITIONING_SHEET.with_name("scenes.jpg")


def main() -> None:
    """Draw and write the sheet."""
    settings = load_settings({})
    database, imagery = CharacterDatabase(), Imagery()
    renderer = GlyphRenderer(database, read_fonts(settings.fonts))
    conditionings = make_conditionings(ConditioningSettings(depth_model=None, segmentation_model=None))
    titles = ["scene", *(kind.available_methods[0] for kind in conditionings)]
    sheet = Image.new("RGB", (len(titles) * (CELL + GAP), HEADER + len(WORDS) * (CELL + GAP)), (30, 30, 34))
    draw = ImageDraw.Draw(sheet)
    label = ImageFont.truetype(str(settings.fonts[0]), 14)
    for column, title in enumerate(titles):
        draw.text((column * (CELL + GAP) + 4, 6), title, font=label, fill=(235, 235, 235))
    for row, word in enumerate(tqdm(WORDS, desc="words")):
        meaning = resolve_meaning(word, word if word.isascii() else "", database)
        names = resolve_imagery(word, meaning, "auto", imagery)
        scene = compose(renderer, word, DRAWN, DRAWN, [imagery.motif(name) for name in names], seed=row)
        pictures = [Image.fromarray(scene.page), *(kind.generate(scene) for kind in conditionings)]
        for column, picture in enumerate(pictures):
            place = (column * (CELL + GAP), HEADER + row * (CELL + GAP))
            sheet.paste(picture.resize((CELL, CELL), Image.Resampling.LANCZOS), place)
    sheet.save(OUTPUT, quality=80, optimize=True)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1e3:.0f} kB, {np.prod(sheet.size) / 1e6:.1f} MP")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
