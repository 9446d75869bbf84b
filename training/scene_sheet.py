"""Draw ``docs/images/scenes.jpg``: twelve words with what they mean, as collages and as the four default maps.

python -m training.scene_sheet
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from shared.characters import CharacterDatabase
from shared.fonts import read_fonts
from shared.settings import ConditioningSettings, load_settings
from shared.writing.imagery import Imagery
from training.conditioning_sheet import OUTPUT as CONDITIONING_SHEET
from worker.conditioning import make_conditionings
from worker.glyphs import GlyphRenderer
from worker.scene import compose

# Each word with its motifs; one has none.
WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("学习", ("books", "graduation-cap")),
    ("下雨", ("umbrella",)),
    ("狗", ("dog",)),
    ("咖啡", ("coffee",)),
    ("学校", ("school",)),
    ("生日", ("birthday-cake", "gift")),
    ("飞机", ("airplane",)),
    ("音乐", ("musical-notes",)),
    ("医院", ("hospital",)),
    ("冬天", ("snowman",)),
    ("朋友", ()),
    ("kitchen", ("pan",)),
)
DRAWN, CELL, GAP, HEADER = 512, 200, 4, 30
OUTPUT = CONDITIONING_SHEET.with_name("scenes.jpg")


def main() -> None:
    """Draw and write the sheet."""
    settings = load_settings({})
    renderer = GlyphRenderer(CharacterDatabase(), read_fonts(settings.fonts))
    imagery = Imagery()
    conditionings = make_conditionings(ConditioningSettings(depth_model=None, segmentation_model=None))
    titles = ["scene", *(kind.available_methods[0] for kind in conditionings)]
    sheet = Image.new("RGB", (len(titles) * (CELL + GAP), HEADER + len(WORDS) * (CELL + GAP)), (30, 30, 34))
    draw = ImageDraw.Draw(sheet)
    label = ImageFont.truetype(str(settings.fonts[0]), 14)
    for column, title in enumerate(titles):
        draw.text((column * (CELL + GAP) + 4, 6), title, font=label, fill=(235, 235, 235))
    for row, (word, names) in enumerate(tqdm(WORDS, desc="words")):
        scene = compose(renderer, word, DRAWN, DRAWN, [imagery.motif(name) for name in names], seed=row)
        pictures = [Image.fromarray(scene.page), *(kind.generate(scene) for kind in conditionings)]
        for column, picture in enumerate(pictures):
            place = (column * (CELL + GAP), HEADER + row * (CELL + GAP))
            sheet.paste(picture.resize((CELL, CELL), Image.Resampling.LANCZOS), place)
    sheet.save(OUTPUT, quality=85, optimize=True)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1e3:.0f} kB, {np.prod(sheet.size) / 1e6:.1f} MP")


if __name__ == "__main__":
    main()
