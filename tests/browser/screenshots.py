"""The page's pictures in docs/images. ``python -m tests.browser.screenshots`` (on a machine with a Chinese font)."""

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from local.stack import Stack

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SHOTS = {  # file to width in pixels and colour scheme
    "page-390": (390, "light"),
    "page-820": (820, "light"),
    "page-1440": (1440, "light"),
    "page-1440-dark": (1440, "dark"),
}
# Word, style and seed of the pictures in the history; the last one is shown.
PICTURES = [
    ("月", "chalk", 3),
    ("火", "neon", 5),
    ("花", "watercolor", 2),
    ("鱼", "woodblock", 11),
    ("山", "ink_wash", 4),
    ("学习", "papercut", 7),
]

COLOURS = 256  # keeps each file under 300 kB


def main() -> None:
    """Draw the pictures in the page and take its picture at every width."""
    with tempfile.TemporaryDirectory() as folder, Stack(data_folder=Path(folder), log_folder=Path(folder)) as stack:
        stack.wait_for(stack.is_ready, 90, "a warm worker")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, (width, scheme) in SHOTS.items():
                png = shoot(browser, stack.url, width, scheme)
                with Image.open(io.BytesIO(png)) as picture:
                    picture.convert("RGB").quantize(COLOURS, kmeans=2).save(IMAGES / f"{name}.png", optimize=True)
            browser.close()


def shoot(browser: Browser, url: str, width: int, scheme: str) -> bytes:
    """Return the whole page as PNG, once it has drawn all pictures."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB")
    page.emulate_media(reduced_motion="reduce")
    page.goto(url)
    page.wait_for_selector(".swatch img:visible >> nth=7")
    for word, style, seed in PICTURES:
        page.fill("#word", word)
        page.check(f"input[name=style][value={style}]", force=True)
        page.fill("#seed", str(seed))
        page.click("#generate")
        page.wait_for_selector(f"#label-word:visible:text-is('{word}')")
        page.wait_for_selector("#progress", state="hidden")
    page.wait_for_selector(".chip")
    page.locator("body").evaluate("() => document.activeElement.blur()")
    png = page.screenshot(full_page=True)
    page.close()
    return png


if __name__ == "__main__":
    main()
