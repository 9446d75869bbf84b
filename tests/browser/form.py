"""Helpers that fill in the page's form."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXTS = Path(__file__).resolve().parents[2] / "api" / "web" / "i18n"


def text(language: str, key: str) -> str:
    """Return one of the page's texts."""
    found: str = json.loads((TEXTS / f"{language}.json").read_text())[key]
    return found


def set_steps(page: "Page", steps: int) -> None:
    """Set the number of steps."""
    page.locator("details.advanced").evaluate("details => { details.open = true; }")
    page.fill("#steps", str(steps))


def generate(page: "Page", word: str, *, steps: int = 1) -> None:
    """Fill in a word or a list of words, and submit it, with few steps, so that the picture is soon ready."""
    page.fill("#word", word)
    set_steps(page, steps)
    page.click("#generate:not([aria-disabled='true'])")  # a click while another picture is drawn does nothing


def in_view(page: "Page", selector: str) -> bool:
    """Return whether an element is wholly on the screen."""
    return bool(
        page.locator(selector).evaluate(
            "element => { const box = element.getBoundingClientRect();"
            " return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight; }"
        )
    )


def see_picture(page: "Page", word: str) -> None:
    """Wait until a word's picture is shown."""
    page.wait_for_selector(f"#label-word:visible:text-is('{word}')")
    page.wait_for_selector("#image:visible")
