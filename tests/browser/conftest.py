"""A running service and a real browser that looks at it."""

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from local.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

OpenPage = Callable[..., "Page"]


# For the module, not the session: Playwright's event loop must not run while other tests start theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium of this machine; the tests are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: "Browser", stack: Stack) -> Iterator[OpenPage]:
    """Open the page, ready for a word, in a browser that knows nothing of other tests; faults of its scripts fail."""
    contexts, faults = [], []

    def note(fault: Exception) -> None:  # Playwright cannot mark a built-in method as its handler
        faults.append(fault)

    def open_one(path: str = "/", *, url: str = stack.url, **options: Any) -> "Page":
        context = browser.new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", note)
        page.goto(url + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not faults
