"""Draw everyday words in every style on one sheet, to judge whether a stranger could say what each shows.

    python -m bench.word_sheet                     # 24 words: out/word_sheet.jpg
    python -m bench.word_sheet --words 8 --to worker/data/embedded_model/samples.jpg     # the model card's

The embedded model draws with the service's defaults, a word in each row; nothing is hand-picked.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from bench.embedded_model import Bench, Case, picture_of
from shared.locations import PROJECT
from shared.settings import load_settings

# fmt: off
WORDS = [
    "学习", "年", "冬天", "茶", "下雨", "医院", "猫", "狗", "鱼", "山", "火", "花",
    "书", "汽车", "飞机", "家", "太阳", "月亮", "苹果", "米饭", "咖啡", "音乐", "生日", "爱",
]
# fmt: on
SEED, CELL = 7, 192


def draw_words(words: list[str]) -> NDArray[np.uint8]:
    """Return the sheet: a row for each word, in all styles."""
    bench = Bench(load_settings(), SEED)
    return np.vstack(
        [np.hstack([_cell(bench, word, style) for style in bench.settings.styles]) for word in tqdm(words)]
    )


def _cell(bench: Bench, word: str, style: str) -> NDArray[np.uint8]:
    picture = Image.fromarray(picture_of(bench.result(Case(word, style, "", {"seed": SEED}))))
    return np.asarray(picture.resize((CELL, CELL), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=len(WORDS), help="number of words to draw")
    parser.add_argument("--to", type=Path, default=PROJECT / "out/word_sheet.jpg")
    arguments = parser.parse_args()
    arguments.to.parent.mkdir(exist_ok=True)
    Image.fromarray(draw_words(WORDS[: arguments.words])).save(arguments.to, quality=82)
    print(arguments.to)
