"""From a word to its picture, in a real browser, before a real service."""

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.browser.conftest import OpenPage
from tests.browser.form import generate, in_view, see_picture, set_steps, text
from tests.helpers import Api

if TYPE_CHECKING:
    from playwright.sync_api import Page

HISTORY = "import('/static/history.js')"


def store(page: "Page", *words: str) -> None:
    """Store an empty picture of each word in the history; the word is its id."""
    page.evaluate(
        """async (words) => {
            const { keep } = await import('/static/history.js');
            const metadata = {
                style: 'comic', seed: 1, width: 512, height: 512, guidance_scale: 1, num_inference_steps: 1,
                generation_time_ms: 0, quality: 'exact', translation: '', controlnet_weights: {},
                conditioning_methods: {},
            };
            const empty = { request: {}, prompt: '', metadata, image: new Blob(), thumbnail: new Blob(), maps: {} };
            for (const [created, word] of words.entries()) await keep({ ...empty, id: word, word, created });
        }""",
        list(words),
    )


def test_a_word_becomes_a_picture_with_its_prompt_seed_score_and_maps(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="no-preference")
    page.fill("#word", "学习")
    page.click(".chip:text-is('to study')")
    page.click("label:has(input[name=style][value=papercut])")
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


@pytest.mark.slow
def test_the_preview_changes_while_the_picture_forms(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "山", steps=30)
    previews = set()
    while not page.is_visible("#image"):
        previews.add(page.get_attribute("#preview", "src"))
        page.wait_for_timeout(30)
    assert len(previews - {None}) >= 2


def test_a_job_is_cancelled_once_the_service_answers_and_leaves_the_page_ready(open_page: OpenPage, api: Api) -> None:
    page = open_page()
    with page.expect_response("**/generate-writing-image") as submitted:
        generate(page, "山", steps=100)
    page.wait_for_selector("#preview:visible")
    page.route("**/jobs/*", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: request.method == "DELETE"):
        page.click("#cancel")
    page.unroute("**/jobs/*")
    page.wait_for_selector("#announce:text-is('Cancelled.')", state="attached")
    assert not page.is_visible("#problem")
    assert api.job(submitted.value.json()["job_id"])["status"] == "cancelled"
    assert not page.is_visible("#image")
    assert page.get_attribute("#generate", "aria-disabled") == "false"


@pytest.mark.parametrize(
    ("word", "code", "field"),
    [
        pytest.param("学😀", "unsupported_character", "word", marks=pytest.mark.slow),
        ("ыыы", "translation_required", "meaning"),
    ],
)
def test_an_error_is_told_in_plain_words_beside_its_field(
    open_page: OpenPage, word: str, code: str, field: str
) -> None:
    page = open_page()
    generate(page, word)
    page.wait_for_selector(f"#{field}-error:visible")
    assert page.inner_text(f"#{field}-error span >> nth=0") == text("en", f"error.{code}")
    assert page.get_attribute(f"#{field}", "aria-invalid") == "true"


def test_a_word_that_is_refused_is_told_with_the_reason(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    page.click("#generate")
    page.wait_for_selector(f"#word-error span:text-is('{text('en', 'error.no_word')}')")
    page.fill("#word", "a bird in the hand is worth two in the bush")
    page.wait_for_selector("#word-error .detail:has-text('43 characters')")
    page.fill("#word", "山")
    page.focus("#meaning")
    page.keyboard.insert_text("long " * 50)  # nothing of it is cut off
    page.keyboard.press("Enter")
    page.wait_for_selector("#meaning-error .detail:has-text('200 characters')")


def test_a_number_out_of_range_is_told_with_its_name_and_limits(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1366, "height": 768})
    page.wait_for_selector("#generate:enabled")
    page.fill("#word", "山")
    set_steps(page, 500)
    page.locator("details.advanced").evaluate("details => { details.open = false; }")
    page.press("#word", "Enter")
    page.wait_for_selector("#problem p:text-is('Steps: give a number from 1 to 100.')")
    assert page.get_attribute("#steps", "aria-invalid") == "true"
    assert in_view(page, "#steps")
    page.fill("#steps", "2")
    assert page.is_hidden("#problem")


@pytest.mark.parametrize(
    ("width", "height"),
    [*(pytest.param(*size, marks=pytest.mark.slow) for size in ((1440, 900), (1366, 768), (820, 1100))), (390, 844)],
)
def test_what_goes_wrong_is_told_on_the_screen(open_page: OpenPage, width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height})
    page.route("**/generate-writing-image", lambda route: route.abort())
    page.wait_for_selector("#generate:enabled")
    page.fill("#word", "山")
    page.press("#word", "Enter")
    page.wait_for_selector("#problem:visible")
    assert in_view(page, "#problem")
    assert in_view(page, "#generate")


@pytest.mark.slow
def test_a_service_out_of_reach_is_told_in_plain_words(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/generate-writing-image", lambda route: route.abort())
    generate(page, "山")
    page.wait_for_selector(f"#problem:visible:has-text('{text('en', 'error.network')}')")


def test_an_answer_that_is_cut_or_a_proxys_is_told_in_plain_words(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    page.route("**/api/writing/status", lambda route: route.fulfill(body='{"version": '), times=1)
    page.reload()
    page.wait_for_selector(f"#problem:visible:has-text('{text('en', 'error.network')}')")
    page.fill("#word", "山")
    page.route("**/generate-writing-image", lambda route: route.fulfill(status=202, body='{"job_id": '))
    page.click("#generate:enabled")
    page.wait_for_selector(f"#problem:visible:has-text('{text('en', 'error.network')}')")
    page.route("**/generate-writing-image", lambda route: route.fulfill(status=413, body="<html>"))
    page.click("#generate[aria-disabled=false]")
    page.wait_for_selector(f"#problem:visible:has-text('{text('en', 'error.body_too_large')}')")


@pytest.mark.slow
def test_a_picture_that_arrives_in_part_is_fetched_again(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/jobs/*?result=links", lambda route: route.fulfill(body='{"job_id": '), times=1)
    generate(page, "山")
    see_picture(page, "山")


@pytest.mark.slow
def test_a_picture_comes_when_the_service_is_back(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/jobs/**", lambda route: route.abort())
    generate(page, "山")
    page.wait_for_selector(f"#stage:text-is('{text('en', 'stage.lost')}')")
    page.unroute("**/jobs/**")
    see_picture(page, "山")


def test_a_word_is_shown_in_its_own_direction(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    page.fill("#meaning", "hello")
    page.fill("#word", "مرحبا!")
    assert page.locator("#word").evaluate("field => field.matches(':dir(rtl)')")
    page.press("#word", "Enter")
    see_picture(page, "مرحبا!")
    assert page.locator("#label-word").evaluate("word => word.matches(':dir(rtl)')")


@pytest.mark.slow
def test_a_picture_comes_also_where_events_do_not(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/events", lambda route: route.fulfill(status=404, json={"code": "not_found", "detail": ""}))
    generate(page, "山")
    see_picture(page, "山")


@pytest.mark.slow
def test_the_place_in_the_queue_is_shown(open_page: OpenPage, api: Api) -> None:
    page = open_page()
    jobs = [api.submit(word="山", num_inference_steps=100).json()["job_id"] for _ in range(9)]
    generate(page, "水")
    page.wait_for_selector("#stage:has-text('in the queue')")
    page.click("#cancel")
    page.wait_for_selector("#progress", state="hidden")
    for job_id in jobs:
        api.cancel(job_id)


@pytest.mark.slow
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


def test_the_history_may_be_cleared_from_elsewhere(open_page: OpenPage) -> None:
    """By another tab, or with all of the browser's data, which closes the database."""
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    store(page, *"山水火")
    page.reload()
    page.click("#history .open >> nth=0")
    page.hover("#history li >> nth=0")
    page.click("#history .remove >> nth=0")
    page.wait_for_selector("#announce:text-is('Deleted: 火')", state="attached")
    page.click("#open-compare")
    assert page.input_value("#choose-a") == "水", "the picture in the frame is deleted"
    page.keyboard.press("Escape")
    page.evaluate(f"async () => (await {HISTORY}).clear()")
    page.click("#open-compare")
    page.wait_for_selector("#history-empty:visible")

    page.context.new_cdp_session(page).send(
        "Storage.clearDataForOrigin", {"origin": page.evaluate("origin"), "storageTypes": "indexeddb"}
    )
    page.wait_for_function(f"async () => (await {HISTORY}).entries().then(() => true, () => false)")
    store(page, "木")
    assert page.evaluate(f"async () => (await (await {HISTORY}).entries()).map(({{ id }}) => id)") == ["木"]


@pytest.mark.slow
def test_a_reload_brings_the_form_and_the_picture_back(open_page: OpenPage) -> None:
    page = open_page("/?word=火")
    page.wait_for_selector("#notice:visible")
    page.fill("#word", "学习")
    page.click(".chip:text-is('to study')")
    page.click("label:has(input[name=style][value=neon])")
    page.click("label:has(input[name=variations][value='4'])")
    generate(page, "学习", steps=1)
    page.wait_for_selector(".quad:enabled >> nth=3")
    page.wait_for_selector("#history li")
    page.reload()
    page.wait_for_selector(".quad:enabled >> nth=3")
    assert page.input_value("#word") == "学习"
    assert page.input_value("#steps") == "1"
    assert page.is_checked("input[name=style][value=neon]")
    assert page.is_checked("input[name=variations][value='4']")
    page.fill("#word", "山, mountain\n")
    page.click("#begin-list")
    page.fill("#deck-name", "Lesson 1")
    page.reload()
    page.wait_for_selector("#generate:text-is('Draw the deck')")
    assert page.input_value("#word") == "山, mountain\n"
    assert page.input_value("#deck-name") == "Lesson 1"
    page.goto(page.url.replace("%E7%81%AB", "%E6%B0%B4"))
    page.wait_for_selector("#notice:visible")
    assert page.input_value("#word") == "水", "a link that is opened wins"
    page.evaluate("() => { sessionStorage.setItem('unfinished', '{'); localStorage.setItem('decks', '{'); }")
    page.reload()
    page.wait_for_selector("#generate:enabled")  # what is stored may be damaged


@pytest.mark.slow
def test_numbers_follow_the_language(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "山")
    see_picture(page, "山")
    page.select_option("#language", "ru")
    page.wait_for_selector("#control-depth output:has-text(',')")
    assert "," in page.inner_text("#score")
    assert "," in page.inner_text("#label-time")


@pytest.mark.slow
@pytest.mark.parametrize(
    "clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error()) }"], ids=["plain HTTP", "forbidden"]
)
def test_a_copy_without_the_clipboard_keeps_the_focus(open_page: OpenPage, clipboard: str) -> None:
    page = open_page()
    generate(page, "山")
    see_picture(page, "山")
    page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    page.focus("#share")
    page.keyboard.press("Enter")
    page.wait_for_selector("#share:focus:text-is('Copied')")


@pytest.mark.slow
def test_a_click_on_the_history_while_a_picture_is_drawn_is_answered(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 640})
    generate(page, "山")
    page.wait_for_selector("#history li")
    generate(page, "水", steps=100)
    # The last announcement before the picture is ready, which would replace the answer.
    page.wait_for_selector(f"#announce:text-is('{text('en', 'stage.diffusion')}')", state="attached")
    page.click("#history .open")
    page.wait_for_selector(f"#announce:text-is('{text('en', 'history.busy')}')", state="attached")
    assert in_view(page, "#stage")
    page.click("#cancel")
    page.wait_for_selector("#progress", state="hidden")
    page.hover("#history li")
    page.click("#history .remove")
    page.wait_for_selector("#announce:text-is('Deleted: 山')", state="attached")


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
