"""The page's pictures in docs/images. ``python -m tests.browser.screenshots`` (on a machine with a Chinese font)."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from local.stack import temporary_stack
from tests.browser.conftest import browser_file

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
# The word, style and seed of each picture in the history; the last one is shown.
PICTURES = [
    ("학교", "chalk", 3),
    ("солнце", "neon", 5),
    ("花", "watercolor", 2),
    ("鱼", "woodblock", 11),
    ("山", "ink_wash", 4),
    ("学习", "papercut", 7),
]
WIDTH = 1440
TIMEOUT_MS = 120_000
COLOURS = 256  # keeps each file under 300 kB


def main() -> None:
    """Draw pictures in the page, and take its screenshots."""
    with temporary_stack() as stack:
        stack.wait_until_ready(90)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_file(), args=["--no-sandbox"])
            save(shoot(browser, stack.url), "page-1440")
            save(shoot_four(browser, stack.url), "page-four")
            browser.close()


def save(png: bytes, name: str) -> None:
    """Save a screenshot, in few colours."""
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(COLOURS, kmeans=2).save(IMAGES / f"{name}.png", optimize=True)


def shoot(browser: Browser, url: str) -> bytes:
    """Return the whole page as PNG, once it has drawn all pictures."""
    page = open_page(browser, url)
    for word, style, seed in PICTURES:
        page.fill("#word", word)
        page.check(f"input[name=style][value={style}]", force=True)
        page.fill("#seed", str(seed))
        page.click("#generate")
        page.wait_for_selector(f"#label-word:visible:text-is('{word}')")
        page.wait_for_selector("#progress", state="hidden")
    page.wait_for_selector("#motifs img:visible")
    return take(page)


def shoot_four(browser: Browser, url: str) -> bytes:
    """Return the page with four pictures of a word, and with a sense and a motif chosen."""
    page = open_page(browser, url)
    page.fill("#word", "长")
    page.click(".chip:text-is('to grow')")
    page.check("input[name=style][value=watercolor]", force=True)
    page.click("label:has(input[name=variations][value='4'])")
    page.fill("#seed", "3")
    page.click("#generate")
    page.wait_for_selector(".quad:enabled >> nth=3")
    page.wait_for_selector("#motifs img:visible")
    return take(page)


def open_page(browser: Browser, url: str) -> Page:
    """Open the page, including the styles' samples."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 900}, locale="en-GB")
    page.set_default_timeout(TIMEOUT_MS)
    page.emulate_media(reduced_motion="reduce")
    page.goto(url)
    for card in page.locator(".card").all():
        card.scroll_into_view_if_needed()
    page.wait_for_selector(".swatch img:visible >> nth=7")
    return page


def take(page: Page) -> bytes:
    """Return the whole page as PNG, and close it."""
    page.locator("body").evaluate("() => document.activeElement.blur()")
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    page.set_viewport_size({"width": width, "height": height})  # so that no button sticks to the first screen's edge
    png = page.screenshot(full_page=True)
    page.close()
    return png


if __name__ == "__main__":
    main()
