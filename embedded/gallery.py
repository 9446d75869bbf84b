"""Draw the gallery of the documentation: 48 words, each in a style. ``python -m embedded.gallery``"""

import argparse
import io
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from tqdm import tqdm

from client import Picture, WritingClient, WritingError
from embedded.stack import Stack
from embedded.supervisor import ChildFailed
from shared.errors import SettingsError
from shared.settings import load_settings
from shared.styles import StyleDefinition

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, FOLDER = "gallery.md", "images/gallery"
WORDS = (
    "山 水 火 月 花 树 雨 雪 风 海 星星 太阳 鱼 鸟 猫 狗 马 虎 龙 大象 蝴蝶 苹果 茶 面包 "
    "书 学习 学校 音乐 跳舞 旅行 飞机 火车 船 自行车 家 门 灯 钟 电话 电影 医生 老师 朋友 爱 梦 城市 桥 长城"
).split()
SEED = 7
START_S = 120
COLUMNS = 4
SIDE = 256
MAX_BYTES = 25_000
QUALITIES = range(88, 30, -6)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A word of the gallery as it was drawn."""

    word: str
    reading: str
    meaning: str
    style: str
    file: str


def main() -> int:
    """Draw the gallery on the embedded model and write its page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=Path, default=DOCS, help=f"where {PAGE} and {FOLDER} go")
    parser.add_argument("--first", type=int, default=len(WORDS), help=f"draw so many words only (default {len(WORDS)})")
    parser.add_argument("--steps", type=int, help="denoising steps; default: the model's")
    arguments = parser.parse_args()
    try:
        drawn = _draw(WORDS[: arguments.first], arguments.docs, arguments.steps)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone: its end was the signal
            print("stopped", file=sys.stderr)
        return 130
    except (ChildFailed, TimeoutError, SettingsError, WritingError) as error:
        print(f"no gallery: {error}", file=sys.stderr)
        return 1
    page = arguments.docs / PAGE
    page.write_text(gallery_page(drawn), encoding="utf-8")
    print(f"{len(drawn)} drawn: {page}")
    return 0


def _draw(words: Sequence[str], docs: Path, steps: int | None) -> list[Drawn]:
    styles = load_settings().styles
    (docs / FOLDER).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, Stack(data_folder=Path(folder), log_folder=Path(folder)) as stack:
        stack.wait_for(stack.is_ready, START_S, "a warm worker")
        with WritingClient(stack.url) as client:
            wanted = list(enumerate(zip(words, cycle(styles.items()), strict=False), start=1))
            return [
                _draw_word(client, number, word, style, docs, steps)
                for number, (word, style) in tqdm(wanted, desc="gallery", unit="picture")
            ]


def _draw_word(
    client: WritingClient, number: int, word: str, style: tuple[str, StyleDefinition], docs: Path, steps: int | None
) -> Drawn:
    name, definition = style
    result = client.generate(word, style=name, seed=SEED, num_inference_steps=steps, include_conditioning=False)
    file = f"{FOLDER}/{number:02}-{name}.jpg"
    (docs / file).write_bytes(to_jpeg(Picture(result).png))
    about = result.generation_metadata
    return Drawn(word, about["reading"] or "", about["translation"], definition.label or name, file)


def to_jpeg(png: bytes) -> bytes:
    """Return a picture as a JPEG of `SIDE` pixels a side, in the best of `QUALITIES` that has at most `MAX_BYTES`."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    jpeg = b""
    for quality in QUALITIES:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True)
        jpeg = file.getvalue()
        if len(jpeg) <= MAX_BYTES:
            break
    return jpeg


def gallery_page(drawn: Sequence[Drawn]) -> str:
    """Return the gallery's page in Markdown."""
    rows = [drawn[start : start + COLUMNS] for start in range(0, len(drawn), COLUMNS)]
    lines = [
        "# Gallery",
        "",
        f"{len(drawn)} words, each in one of the styles, as the embedded model draws them on a CPU. "
        f"`python -m embedded.gallery` draws them again: seed {SEED}, everything else left to the service.",
        "",
        "|" + " |" * COLUMNS,
        "|" + "---|" * COLUMNS,
        *("| " + " | ".join(map(_cell, row)) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _cell(picture: Drawn) -> str:
    about = f"{picture.word} *{picture.reading}*" if picture.reading else picture.word
    alt = f"{picture.word}, {picture.meaning}, {picture.style}"
    return f"![{alt}]({picture.file})<br>{about}, {picture.meaning}<br>{picture.style}"


if __name__ == "__main__":
    sys.exit(main())
