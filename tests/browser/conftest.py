"""A running service and a real browser that opens its page."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from api.security import digest
from local.stack import Stack, free_port
from tests.helpers import answers, child, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The first is Chromium without a window, which opens a page in half the time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")

OpenPage = Callable[..., "Page"]


def browser_file() -> str | None:
    """Return this machine's Chromium, if it has one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


# Per module, not per session: Playwright's event loop must not run while other tests start theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """This machine's Chromium; the tests are skipped if there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    found = browser_file()
    if found is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: "Browser", stack: Stack) -> Iterator[OpenPage]:
    """Open the page, ready for a word, in a fresh browser context; errors in its scripts fail the test."""
    contexts, faults = [], []

    def note(fault: Exception) -> None:  # Playwright cannot use a built-in method as a handler
        faults.append(fault)

    def open_one(path: str = "/", *, url: str = stack.url, **options: Any) -> "Page":
        # Without motion: endless animations take half a core from the worker that draws.
        context = browser.new_context(**{"locale": "en-GB", "reduced_motion": "reduce", **options})
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", note)
        page.goto(url + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture(scope="session")
def url_with_key(stack: Stack) -> Iterator[str]:
    """A second API of the same service, with low limits.

    It requires the key ``secret``, or the operator's, ``operator secret``.
    """
    port = free_port()
    program = child(stack, "api").program
    keys = json.dumps([f"teacher:{digest('secret')}", f"operator:{digest('operator secret')}"])
    of_keys = {"WRITING_API__KEYS": keys, "WRITING_API__OPERATORS": '["operator"]'}
    limits = {"MAX_SIDE": "256", "MAX_STEPS": "20", "MAX_VARIATIONS": "1", "MAX_ATTEMPTS": "1"}
    of_limits = {f"WRITING_API__{name}": most for name, most in limits.items()}
    environment = {**program.environment, "WRITING_API__PORT": str(port), **of_keys, **of_limits}
    guarded = stack.supervisor.start(replace(program, name="api-with-key", environment=environment))
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: answers(url))
    yield url
    guarded.end()
