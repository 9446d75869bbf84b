"""Draw the gallery of the documentation: 64 words, each in a style. ``python -m local.gallery``"""

import argparse
import io
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from local.stack import EMBEDDED, temporary_stack
from local.supervisor import ChildFailed
from shared.errors import SettingsError
from shared.settings import load_settings
from shared.styles import StyleDefinition
from writing_client import Picture, WritingClient, WritingError

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, FOLDER = "gallery.md", "images/gallery"
WORDS = (
    "山", "水", "火", "月", "花", "树", "雨", "雪", "风", "海", "星星", "太阳",
    "鱼", "鸟", "猫", "狗", "马", "虎", "龙", "大象", "蝴蝶", "苹果", "茶", "面包",
    "书", "学习", "学校", "音乐", "跳舞", "旅行", "飞机", "火车", "船", "自行车", "家", "门",
    "灯", "钟", "电话", "电影", "医生", "老师", "朋友", "爱", "梦", "城市", "桥", "长城",
    "図書館", "さくら", "학교", "사과", "солнце", "книга", "кіт", "σπίτι",
    "قمر", "سمكة", "گربه", "שמש", "ספר", "แมว", "ปลา", "हाथी",
)  # fmt: skip
SEED = 7
START_S = 120
COLUMNS = 4
SIDE = 256
MAX_BYTES = 25_000
QUALITIES = range(88, 30, -6)


@dataclass(frozen=True, slots=True)
class GalleryEntry:
    """A picture of the gallery: its position from 1, its word, and its style's name and label."""

    number: int
    word: str
    style: str
    label: str

    @property
    def file(self) -> str:
        """Its path, relative to the page."""
        return f"{FOLDER}/{self.number:02}-{self.style}.jpg"


@dataclass(frozen=True, slots=True)
class GalleryPicture:
    """A picture of the gallery that was drawn, with its word's reading and meaning."""

    entry: GalleryEntry
    reading: str
    meaning: str


def main() -> int:
    """Draw the gallery with the embedded model and write its page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=Path, default=DOCS, help=f"folder for {PAGE} and {FOLDER}")
    parser.add_argument(
        "--first", type=int, default=len(WORDS), help=f"draw only the first N words (default {len(WORDS)})"
    )
    parser.add_argument("--steps", type=int, help="denoising steps; default: the model's")
    arguments = parser.parse_args()
    try:
        drawn = _draw(gallery_entries(load_settings().styles)[: arguments.first], arguments.docs, arguments.steps)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone if closing it sent the signal
            print("stopped", file=sys.stderr)
        return 130
    except (ChildFailed, TimeoutError, SettingsError, WritingError) as error:
        print(f"gallery failed: {error}", file=sys.stderr)
        return 1
    page = arguments.docs / PAGE
    page.write_text(gallery_page(drawn), encoding="utf-8")
    print(f"{len(drawn)} drawn: {page}")
    return 0


def gallery_entries(styles: Mapping[str, StyleDefinition]) -> list[GalleryEntry]:
    """Return the gallery's pictures, alternating between the styles."""
    turns = zip(WORDS, cycle(styles.items()), strict=False)
    return [
        GalleryEntry(number, word, name, style.label or name)
        for number, (word, (name, style)) in enumerate(turns, start=1)
    ]


def _draw(pictures: Sequence[GalleryEntry], docs: Path, steps: int | None) -> list[GalleryPicture]:
    (docs / FOLDER).mkdir(parents=True, exist_ok=True)
    with temporary_stack(environment=EMBEDDED) as stack:
        stack.wait_until_ready(START_S)
        with WritingClient(stack.url) as client:
            progress = tqdm(pictures, desc="gallery", unit="picture")
            return [_draw_one(client, picture, docs, steps) for picture in progress]


def _draw_one(client: WritingClient, picture: GalleryEntry, docs: Path, steps: int | None) -> GalleryPicture:
    result = client.generate(
        picture.word, style=picture.style, seed=SEED, num_inference_steps=steps, include_conditioning=False
    )
    (docs / picture.file).write_bytes(to_jpeg(Picture(result).png))
    about = result.generation_metadata
    return GalleryPicture(picture, about["reading"] or "", about["translation"])


def to_jpeg(png: bytes) -> bytes:
    """Return a picture as a JPEG of `SIDE` pixels a side, in the best of `QUALITIES` that fits in `MAX_BYTES`."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    jpeg = b""
    for quality in QUALITIES:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True)
        jpeg = file.getvalue()
        if len(jpeg) <= MAX_BYTES:
            break
    return jpeg


def gallery_page(drawn: Sequence[GalleryPicture]) -> str:
    """Return the gallery's page in Markdown."""
    rows = [drawn[start : start + COLUMNS] for start in range(0, len(drawn), COLUMNS)]
    lines = [
        "# Gallery",
        "",
        f"{len(drawn)} words, each in one of the styles, as the embedded model draws them on a CPU. "
        f"`python -m local.gallery` redraws them with seed {SEED} and otherwise the service's defaults.",
        "",
        "|" + " |" * COLUMNS,
        "|" + "---|" * COLUMNS,
        *("| " + " | ".join(map(_cell, row)) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _cell(picture: GalleryPicture) -> str:
    word, label = picture.entry.word, picture.entry.label
    reading = f" *{picture.reading}*" if picture.reading not in {"", word} else ""
    image = f"![{word}, {picture.meaning}, {label}]({picture.entry.file})"
    return f"{image}<br>{word}{reading}, {picture.meaning}<br>{label}"


if __name__ == "__main__":
    sys.exit(main())
