"""The page in a real browser: keyboard, languages, phones, colours, weight, its key."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from api.problems import FIELD_CODES
from local.stack import Stack
from shared.errors import ERRORS_BY_CODE
from tests.browser.conftest import OpenPage
from tests.browser.form import TEXTS, generate, see_picture, text

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

WEB = TEXTS.parent
MAX_WEIGHT = 200_000  # bytes of the page, without the styles' samples
# A Chinese font, if it is the only font, sets apostrophes as wide as characters, which is correct in Chinese.
FONT_VARIANT = "getComputedStyle(body).fontVariantEastAsian"
# The codes of calls that the page does not make.
NOT_FOR_PEOPLE = {
    "malformed_json",
    "unsupported_media_type",
    "method_not_allowed",
    "conditioning_not_found",
    "job_not_finished",
    "job_without_picture",
    "idempotency_conflict",
    "webhook_not_allowed",
    "cancelled",
}


def paper(page: "Page") -> tuple[int, ...]:
    """Return the colour of the page's top left corner."""
    with Image.open(io.BytesIO(page.screenshot())) as screenshot:
        return screenshot.convert("RGB").getpixel((2, 2))


def test_the_keyboard_alone_is_enough(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#styles input >> nth=7", state="attached")

    def tab_to(selector: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.locator(selector).evaluate("element => element === document.activeElement"):
                return
        pytest.fail(f"Tab does not lead to {selector}")

    tab_to(".skip")
    tab_to("#word")
    page.keyboard.insert_text("山")
    tab_to("input[name=style]:checked")
    page.keyboard.press("ArrowRight")
    tab_to("#control-scribble [type=range]")
    page.keyboard.press("ArrowRight")
    page.focus("#word")
    tab_to("#generate")
    page.keyboard.press("Enter")
    see_picture(page, "山")
    assert page.inner_text("#label-style") == "Watercolour"
    tab_to("#download")


def test_the_scheme_follows_the_system_until_it_is_chosen(open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    assert max(paper(page)) < 60
    page.click("#theme")
    assert min(paper(page)) > 200
    page.reload()
    assert min(paper(page)) > 200


def test_every_language_has_the_same_texts_and_every_error_of_the_page_has_one() -> None:
    languages = {file.stem: json.loads(file.read_text()) for file in TEXTS.glob("*.json")}
    assert set(languages) == {"en", "ru", "zh"}
    assert all(texts.keys() == languages["en"].keys() for texts in languages.values())
    assert all(all(texts.values()) for texts in languages.values())
    codes = {*ERRORS_BY_CODE, *FIELD_CODES.values()} - NOT_FOR_PEOPLE
    assert {f"error.{code}" for code in codes} <= languages["en"].keys()


@pytest.mark.parametrize(
    "locale", [*(pytest.param(locale, marks=pytest.mark.slow) for locale in ("en-GB", "zh-CN")), "ru-RU"]
)
def test_a_phone_shows_everything_without_scrolling_sideways(open_page: OpenPage, locale: str) -> None:
    page = open_page(locale=locale, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)

    def too_wide() -> int:
        return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    page.locator("details.advanced").evaluate("details => { details.open = true; }")
    page.fill("#word", "打")
    page.wait_for_selector(".sense >> nth=1")
    page.fill("#motif-query", "book")
    page.wait_for_selector("#motifs-found .motif >> nth=2")
    assert too_wide() <= 0
    page.tap("#begin-list")
    page.locator("#word").press_sequentially("水")
    page.wait_for_selector("#deck-name:visible")
    assert too_wide() <= 0
    generate(page, "ыыы\n" + "火" * 40)
    page.wait_for_selector("#problem:visible")
    assert too_wide() <= 0
    assert page.locator("#generate").bounding_box() is not None


@pytest.mark.slow
def test_who_listens_hears_few_sentences(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("""() => {
        window.heard = [];
        new MutationObserver(() => window.heard.push(document.querySelector('#announce').textContent))
            .observe(document.querySelector('#announce'), { childList: true });
    }""")
    generate(page, "山", steps=10)
    see_picture(page, "山")
    page.wait_for_selector("#announce:has-text('ready')", state="attached")
    heard = page.evaluate("window.heard")
    assert heard[-1].startswith(text("en", "done"))
    assert len(heard) <= 4, "not every step"


def test_every_stage_of_a_job_has_a_text(project: Path) -> None:
    """Without a text, a stage would be shown by its name."""
    sources = "".join(file.read_text() for file in (project / "worker").rglob("*.py"))
    stages = set(re.findall(r"""(?:stage\(|current_stage = )"(\w+)"\)?""", sources))
    assert {"starting", "glyph", "diffusion", "reading"} <= stages
    assert {f"stage.{stage}" for stage in stages} <= json.loads((TEXTS / "en.json").read_text()).keys()


def test_the_language_is_the_browsers_and_another_choice_is_remembered(open_page: OpenPage) -> None:
    page = open_page(locale="ru-RU")
    page.wait_for_selector(f"#generate:text-is('{text('ru', 'generate')}')")
    assert page.locator("body").evaluate(f"body => {FONT_VARIANT}") == "proportional-width"
    page.select_option("#language", "zh")
    page.wait_for_selector(f"#generate:text-is('{text('zh', 'generate')}')")
    page.route("**/i18n/*.json", lambda route: route.abort(), times=1)  # it is fetched again
    page.reload()
    page.wait_for_selector(f"#generate:text-is('{text('zh', 'generate')}')")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    assert page.locator("body").evaluate(f"body => {FONT_VARIANT}") == "normal"
    page.route("**/i18n/*.json", lambda route: route.abort())
    page.select_option("#language", "en")
    page.wait_for_selector(f"#problem:has-text('{text('zh', 'error.network')}')")
    assert page.input_value("#language") == "zh"
    page.route("**/static/meaning.js", lambda route: route.abort())
    page.reload()
    page.wait_for_selector("#unloaded:visible")


def test_the_page_is_light_and_asks_no_other_host(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/health")  # so that the listener receives the page's own requests
    finished: list[Request] = []

    def note(request: "Request") -> None:
        finished.append(request)

    page.on("requestfinished", note)
    page.goto(stack.url)
    page.wait_for_selector(".swatch img:visible >> nth=7")
    sizes = [request.sizes() for request in finished if not request.url.endswith("/sample")]
    assert len(sizes) > len(list(WEB.glob("*.js")))
    assert sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes) <= MAX_WEIGHT
    generate(page, "山")
    see_picture(page, "山")
    assert all(request.url.startswith((stack.url, "blob:", "data:")) for request in finished)


@pytest.mark.slow
def test_axe_finds_nothing_serious(open_page: OpenPage) -> None:
    """In light and dark colours."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page()
    serious = list(faults_of(axe, page))
    page.click("label:has(input[name=variations][value='4'])")
    generate(page, "山")
    page.wait_for_selector(".quad:enabled >> nth=3")
    page.fill("#motif-query", "tree")
    page.wait_for_selector("#motifs-found .motif >> nth=1")
    page.click("#motifs .motif")
    serious += faults_of(axe, page)
    page.click(".quad >> nth=0")
    generate(page, "😀")
    page.wait_for_selector("#word-error:visible")
    serious += faults_of(axe, page)
    generate(page, "水\nыыы")
    page.wait_for_selector("#deck-files:visible")
    serious += faults_of(axe, page)
    page = open_page("/admin")
    page.wait_for_selector("#workers td >> nth=0")
    serious += faults_of(axe, page)
    assert not serious


def faults_of(axe: object, page: "Page") -> Iterator[str]:
    """Yield the violations that axe-core rates serious or critical, in light and dark colours."""
    page.wait_for_function("[...document.querySelectorAll('[data-t-label]')].every((element) => element.ariaLabel)")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for violation in axe.run(page).response["violations"]:
            if violation["impact"] in {"serious", "critical"}:
                yield f"{scheme}, {violation['id']}: {[node['target'] for node in violation['nodes']]}"
