"""The page and the operator's page, in a real browser, with a real service."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from local.stack import Stack
from shared.errors import ERRORS_BY_CODE
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.redis_client import make_redis
from shared.schemas import GenerationRequest, JobError
from shared.settings import load_settings
from tests.browser.conftest import OpenPage
from tests.browser.form import TEXTS, generate, see_picture, text
from tests.helpers import Api

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
    "idempotency_conflict",
    "webhook_not_allowed",
    "cancelled",
}


def paper(page: "Page") -> tuple[int, ...]:
    """Return the colour of the page's top left corner."""
    with Image.open(io.BytesIO(page.screenshot())) as screenshot:
        return screenshot.convert("RGB").getpixel((2, 2))


def test_a_word_becomes_a_picture_with_its_prompt_seed_score_and_maps(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "学习")
    page.click(".chip:text-is('to study')")
    page.check("input[name=style][value=papercut]", force=True)
    page.click("#generate")
    see_picture(page, "学习")
    assert page.locator("#image").evaluate("image => image.naturalWidth") == 256
    assert page.inner_text("#label-meaning") == "to study"
    assert "papercut" in page.inner_text("#label-prompt")
    assert page.input_value("#seed") == page.inner_text("#label-seed")
    assert 0 <= float(page.inner_text("#score")) <= 1
    page.wait_for_selector(".map img:visible >> nth=3")
    with page.expect_download() as download:
        page.click("#download")
    with Image.open(download.value.path()) as picture:
        assert json.loads(picture.text["writing-service"])["word"] == "学习"


def test_the_preview_changes_while_the_picture_forms(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "山", steps=30)
    previews = set()
    while not page.is_visible("#image"):
        previews.add(page.get_attribute("#preview", "src"))
        page.wait_for_timeout(30)
    assert len(previews - {None}) >= 2


def test_a_cancelled_job_ends_and_leaves_the_page_ready(open_page: OpenPage, api: Api) -> None:
    page = open_page()
    with page.expect_response("**/generate-writing-image") as submitted:
        generate(page, "山", steps=100)
    page.wait_for_selector("#preview:visible")
    page.click("#cancel")
    page.wait_for_selector("#announce:text-is('Cancelled.')", state="attached")
    assert api.job(submitted.value.json()["job_id"])["status"] == "cancelled"
    assert not page.is_visible("#image")
    assert page.get_attribute("#generate", "aria-disabled") == "false"


@pytest.mark.parametrize(
    ("word", "code", "field"), [("学😀", "unsupported_character", "word"), ("кот", "translation_required", "meaning")]
)
def test_an_error_is_told_in_plain_words_beside_its_field(
    open_page: OpenPage, word: str, code: str, field: str
) -> None:
    page = open_page()
    generate(page, word)
    page.wait_for_selector(f"#{field}-error:visible")
    assert page.inner_text(f"#{field}-error") == text("en", f"error.{code}")
    assert page.get_attribute(f"#{field}", "aria-invalid") == "true"


def test_a_service_out_of_reach_is_told_in_plain_words(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/generate-writing-image", lambda route: route.abort())
    generate(page, "山")
    page.wait_for_selector(f"#problem:visible:has-text('{text('en', 'error.network')}')")


def test_a_picture_comes_also_where_events_do_not(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/events", lambda route: route.fulfill(status=404, json={"code": "not_found", "detail": ""}))
    generate(page, "山")
    see_picture(page, "山")


def test_the_place_in_the_queue_is_shown(open_page: OpenPage, api: Api) -> None:
    page = open_page()
    jobs = [api.submit(word="山", num_inference_steps=100).json()["job_id"] for _ in range(9)]
    generate(page, "水")
    page.wait_for_selector("#stage:has-text('in the queue')")
    page.click("#cancel")
    page.wait_for_selector("#progress", state="hidden")
    for job_id in jobs:
        api.cancel(job_id)


def test_the_history_survives_a_reload_and_entries_can_be_opened_compared_and_deleted(open_page: OpenPage) -> None:
    page = open_page()
    for number, word in enumerate(("山", "水")):
        generate(page, word)
        see_picture(page, word)
        page.wait_for_selector(f"#history li >> nth={number}")  # shown once it is stored
    page.reload()
    page.click("#history .open >> nth=1")
    see_picture(page, "山")

    page.click("#open-compare")
    page.wait_for_selector("#compare img:visible >> nth=1")
    assert "mountain" in page.inner_text("#pane-a .differs >> nth=0")
    page.select_option("#choose-a", index=0)
    assert page.get_attribute("#pane-a img", "alt") == page.get_attribute("#pane-b img", "alt")
    page.keyboard.press("Escape")

    page.hover("#history li >> nth=0")
    page.click("#history .remove >> nth=0")
    page.wait_for_selector("#history li >> nth=1", state="detached")
    page.reload()
    page.wait_for_selector("#history .brush:text-is('山')")
    assert page.locator("#history li").count() == 1


def test_settings_of_a_picture_go_back_into_the_form_and_into_a_curl_command(open_page: OpenPage, api: Api) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.fill("#control-depth [type=range]", "1.5")
    page.select_option("#control-canny select", "adaptive_canny")
    generate(page, "山")
    see_picture(page, "山")
    page.click("#reset-weights")
    page.click("#reuse")
    assert page.input_value("#control-depth [type=range]") == "1.5"
    assert page.is_checked("#keep-seed")
    page.click("#curl")
    page.wait_for_selector("#curl:text-is('Copied')")
    command = page.evaluate("navigator.clipboard.readText()")
    sent = json.loads(command.split("-d '")[1].rstrip("'"))
    assert sent["seed"] == int(page.input_value("#seed"))
    assert sent["controlnet_weights"] == {"depth": 1.5}
    assert sent["conditioning_methods"] == {"canny": ["adaptive_canny"]}
    assert api.submit(**sent).status_code == 202


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
    assert {f"error.{code}" for code in ERRORS_BY_CODE.keys() - NOT_FOR_PEOPLE} <= languages["en"].keys()


@pytest.mark.parametrize("locale", ["en-GB", "ru-RU", "zh-CN"])
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
    generate(page, "кот\n" + "火" * 40)
    page.wait_for_selector("#problem:visible")
    assert too_wide() <= 0
    assert page.locator("#generate").bounding_box() is not None


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
    page.reload()
    page.wait_for_selector(f"#generate:text-is('{text('zh', 'generate')}')")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    assert page.locator("body").evaluate(f"body => {FONT_VARIANT}") == "normal"


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: OpenPage, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    serious = list(faults_of(axe, page))
    page.check("input[name=variations][value='4']", force=True)
    generate(page, "山", steps=2)
    page.wait_for_selector(".quad:enabled >> nth=3")
    page.fill("#motif-query", "tree")
    page.wait_for_selector("#motifs-found .motif >> nth=1")
    page.click("#motifs .motif")
    serious += faults_of(axe, page)
    page.click(".quad >> nth=0")
    generate(page, "😀")
    page.wait_for_selector("#word-error:visible")
    serious += faults_of(axe, page)
    generate(page, "水\nкот")
    page.wait_for_selector("#deck-files:visible")
    serious += faults_of(axe, page)
    page = open_page("/admin", color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_selector("#workers td >> nth=0")
    serious += faults_of(axe, page)
    assert not serious


def test_the_operator_sees_workers_and_counts(open_page: OpenPage, stack: Stack, api: Api) -> None:
    api.draw(word="山")
    page = open_page("/admin")
    page.wait_for_selector("#workers .state[data-state=warm]")
    assert page.locator("#workers tbody tr").count() == 1
    assert int(page.inner_text("#jobs dd >> nth=0")) >= 1
    assert page.get_attribute("#flower", "href") == "http://127.0.0.1:5555/"
    drawn = int(page.inner_text("#jobs dd >> nth=0"))
    api.draw(word="山")
    page.wait_for_selector(f"#jobs dd:text-is('{drawn + 1}')")


def test_the_operator_sees_the_store_and_what_each_worker_switched(open_page: OpenPage, api: Api) -> None:
    api.draw(word="山")
    page = open_page("/admin")
    page.wait_for_selector("#setup td >> nth=0")
    kept, memory, _, evicted, store = (cell.inner_text() for cell in page.locator("#results dd").all())
    assert int(kept) >= 1
    assert memory.endswith("MiB")
    assert (evicted, store) == ("0", "redis")
    switches = {
        row.locator("td").nth(1).inner_text(): row.inner_text() for row in page.locator("#setup tbody tr").all()
    }
    assert "no" in switches["torch_compile"], "the reason is shown"
    assert len(switches["torch_compile"].split("\t")[-1]) > len("no")


def test_the_operator_sees_what_failed_lately_and_why(open_page: OpenPage, stack: Stack) -> None:
    """A worker's script ends the job as failed, with a reason that the page must not interpret as markup."""
    settings = load_settings({"WRITING_REDIS__URL": stack.redis_url})
    client = make_redis(settings.redis)
    store = JobStore(client, settings.queue)
    leases = Leases(client, store, settings.queue, "of-this-test")
    store.create("a-job-that-fails", GenerationRequest(word="山"))
    lease = leases.take("a-job-that-fails")
    assert lease is not None
    leases.fail(lease, JobError(code="out_of_memory", title="t", detail="no room for <b>2048²</b>"))
    leases.sign_off()
    client.close()
    page = open_page("/admin")
    row = page.locator("#failures tbody tr").first
    row.wait_for()
    text = row.inner_text()
    assert "out_of_memory" in text
    assert "no room for <b>2048²</b>" in text


def test_a_key_is_asked_for_once_and_kept_in_the_tab(open_page: OpenPage, url_with_key: str) -> None:
    page = open_page(url=url_with_key)
    page.fill("#key-value", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-value:visible")
    page.fill("#key-value", "secret")
    page.keyboard.press("Enter")
    generate(page, "山")
    see_picture(page, "山")
    page.reload()
    page.wait_for_selector(".card >> nth=0")
    assert not page.is_visible("#key")


def test_the_operators_page_wants_an_operators_key(open_page: OpenPage, url_with_key: str) -> None:
    page = open_page("/admin", url=url_with_key)
    page.fill("#key-value", "secret")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#away:text-is('{text('en', 'error.operator_only')}')")
    page.click("#other-key")
    page.fill("#key-value", "operator secret")
    page.keyboard.press("Enter")
    page.wait_for_selector("#workers .state[data-state=warm]")
    assert page.is_hidden("#away")
    assert page.is_hidden("#other-key")
    page.click("#metrics")
    page.wait_for_selector("text=writing_workers")


def faults_of(axe: object, page: "Page") -> Iterator[str]:
    """Yield the violations that axe-core rates serious or critical."""
    for violation in axe.run(page).response["violations"]:
        if violation["impact"] in {"serious", "critical"}:
            yield f"{violation['id']}: {[node['target'] for node in violation['nodes']]}"
