"""The choice of a word's sense on the page, and of the motifs that depict it."""

from typing import TYPE_CHECKING, Any

import pytest

from shared.schemas import CONTROL_TYPES
from tests.browser.conftest import OpenPage
from tests.browser.form import generate, see_picture, set_steps, text

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


def motifs(page: "Page") -> dict[str, bool]:
    """Return the offered motifs, and whether each is selected."""
    buttons = page.locator("#motifs:visible .motif").all()
    return {
        button.get_attribute("data-motif") or "": button.get_attribute("aria-pressed") == "true" for button in buttons
    }


def sent(page: "Page") -> dict[str, Any]:
    """Submit the form and cancel the job; return the request."""
    with page.expect_request("**/generate-writing-image") as submitted:
        page.click("#generate")
    page.click("#cancel")
    page.wait_for_selector("#progress", state="hidden")
    document: dict[str, Any] = submitted.value.post_data_json
    return document


def test_a_words_readings_and_senses_are_choices(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "长")
    page.wait_for_selector(".sense >> nth=1")
    assert page.locator(".reading").all_inner_texts() == ["cháng", "zhǎng"]
    page.click(".chip:text-is('to grow')")
    assert page.input_value("#meaning") == "to grow"
    assert page.get_attribute(".chip:text-is('to grow')", "aria-pressed") == "true"
    page.wait_for_selector("#motifs [data-motif=seedling]")
    request = sent(page)
    assert (request["translation"], request["reading"]) == ("to grow", "zhǎng")
    assert "imagery" not in request, "the service chooses the motifs of the sense"

    page.fill("#word", "长城")
    page.wait_for_selector(".reading:text-is('Chángchéng')")
    assert page.input_value("#meaning") == "", "it belonged to another word"


def test_the_languages_of_a_word_in_latin_letters_are_choices(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "kot")
    page.wait_for_selector("#languages .chip >> nth=1")
    assert page.is_hidden("#senses")
    page.click("#languages .chip:text-is('Polish: cat')")
    page.wait_for_selector("#senses .chip:text-is('cat')")
    assert page.is_hidden("#languages")
    assert page.input_value("#word-language") == "pl"
    assert sent(page)["language"] == "pl"
    page.fill("#word", "학교")
    page.select_option("#word-language", "auto")
    page.wait_for_selector("#senses .chip:text-is('school')")
    assert page.locator("#senses .reading").count() == 0
    page.click("#senses .chip")
    assert "reading" not in sent(page)


@pytest.mark.slow
def test_a_typed_meaning_is_not_that_of_the_next_word(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "Hund")
    page.fill("#meaning", "dog")
    page.press("#word", "End")
    page.keyboard.insert_text("e")
    assert page.input_value("#meaning") == "dog", "the word is only edited"
    page.fill("#word", "Katze")
    assert page.input_value("#meaning") == "", "the word is replaced"
    page.fill("#meaning", "cat")
    assert sent(page)["translation"] == "cat"
    page.press("#word", "End")
    page.keyboard.insert_text("n")
    assert page.input_value("#meaning") == "", "the meaning was drawn with another word"


def test_a_meaning_may_be_typed_before_its_word(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#meaning", "dog")
    page.fill("#word", "Hund")
    assert page.input_value("#meaning") == "dog"


@pytest.mark.slow
def test_a_chosen_sense_keeps_the_focus(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "长")
    page.focus(".chip:text-is('to grow')")
    with page.expect_response("**/meanings?*"):
        page.keyboard.press("Space")
    page.wait_for_selector(".chip:focus:text-is('to grow')[aria-pressed=true]")
    page.keyboard.press("Space")
    page.wait_for_selector(".chip:text-is('to grow')[aria-pressed=false]")
    assert page.input_value("#meaning") == ""


@pytest.mark.slow
def test_a_lookup_tells_a_fault_without_taking_the_focus(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "学😀")
    page.focus("#meaning")
    page.keyboard.type("to stu")
    page.wait_for_selector("#word-error:visible")
    page.keyboard.type("dy")
    assert page.input_value("#meaning") == "to study"
    page.fill("#word", "学")
    page.wait_for_selector("#word-error", state="hidden")
    assert page.locator("#word-error").text_content() == "", "a hidden description is read, too"


def test_motifs_are_switched_off_and_on_and_searched_for(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "长")
    page.wait_for_selector("#motifs .motif >> nth=1")
    page.wait_for_selector("#motifs img:visible >> nth=1")
    assert motifs(page) == {"giraffe": True, "ruler": True}
    page.click("#motifs [data-motif=ruler]")
    assert motifs(page) == {"giraffe": True, "ruler": False}
    page.fill("#motif-query", "tree")
    page.click("#motifs-found [data-motif=palm-tree]")
    assert motifs(page) == {"giraffe": True, "ruler": False, "palm-tree": True}
    assert sent(page)["imagery"] == ["giraffe", "palm-tree"]

    page.click("#motifs [data-motif=giraffe]")
    page.click("#motifs [data-motif=palm-tree]")
    assert sent(page)["imagery"] == "none"


@pytest.mark.slow
def test_a_fourth_motif_is_refused_in_plain_words(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    page.fill("#word", "长")
    page.wait_for_selector("#motifs .motif >> nth=1")
    page.fill("#motif-query", "tree")
    page.click("#motifs-found .motif >> nth=0")
    page.click("#motifs-found .motif >> nth=1")
    page.wait_for_selector(f"#motifs-note:text-is('{text('en', 'imagery.most').replace('{most}', '3')}')")
    assert sum(motifs(page).values()) == 3
    assert page.locator("#announce").text_content() == page.inner_text("#motifs-note")


def test_a_word_without_a_known_meaning_asks_for_it(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "qzxy")
    page.wait_for_selector(f"#motifs-note:text-is('{text('en', 'imagery.no_meaning')}')")
    page.fill("#word", "Schmetterling" * 3)
    page.wait_for_selector("#word-error:visible")
    assert page.is_hidden("#motifs-note")


@pytest.mark.slow
def test_the_language_of_a_word_is_chosen_and_remembered(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.wait_for_selector("#generate:enabled")
    page.fill("#word", "手紙")
    page.wait_for_selector(".reading:text-is('shǒuzhǐ')")
    assert page.get_attribute("#word", "lang") == "zh-Hans"
    page.select_option("#word-language", "ja")
    page.wait_for_selector(".reading[lang=ja]:text-is('てがみ')")
    assert page.get_attribute("#word", "lang") == "ja"
    set_steps(page, 2)
    with page.expect_request("**/generate-writing-image") as submitted:
        page.click("#generate")
    assert submitted.value.post_data_json["language"] == "ja"
    see_picture(page, "手紙")
    assert page.get_attribute("#label-word", "lang") == "ja"
    assert page.get_attribute("#history .brush", "lang") == "ja"
    page.click("#share")
    page.wait_for_selector("#share:text-is('Copied')")
    link = page.evaluate("navigator.clipboard.readText()")

    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#generate:enabled")
    assert other.input_value("#word-language") == "ja", "it is remembered"
    other.select_option("#word-language", "auto")
    other.goto(link)
    other.wait_for_selector("#notice:visible")
    assert other.input_value("#word-language") == "ja", "the link says so"


def test_kana_mark_a_word_as_japanese(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    page.fill("#word", "食べる")
    assert page.get_attribute("#word", "lang") == "ja"
    page.wait_for_selector(".reading:text-is('たべる')")


def test_the_motifs_follow_a_meaning_that_is_typed(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "长")
    page.fill("#meaning", "a red apple")
    page.wait_for_selector("#motifs [data-motif=apple]")
    page.fill("#motif-query", "nothing of the kind")
    page.wait_for_selector("#motifs-note:visible:has-text('nothing of the kind')")


def test_motifs_are_drawn_in_the_picture_unless_that_is_switched_off(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "学习")
    set_steps(page, 2)
    page.wait_for_selector("#motifs .motif")
    page.uncheck("#draw-imagery")
    assert sent(page)["draw_imagery"] is False
    page.check("#draw-imagery")
    assert "draw_imagery" not in sent(page), "the model's default"
    generate(page, "学习")
    see_picture(page, "学习")
    assert page.inner_text("#label-imagery") == "books, graduation cap"


@pytest.mark.slow
def test_a_links_reading_is_sent_and_belongs_to_its_word_alone(open_page: OpenPage) -> None:
    page = open_page("/?word=长&reading=zhǎng")
    page.wait_for_selector("#meaning[placeholder*='grow']")
    assert sent(page)["reading"] == "zhǎng"
    page.fill("#word", "水")
    page.wait_for_selector("#meaning[placeholder*='water']")
    assert "reading" not in sent(page)


@pytest.mark.slow
def test_a_styles_weight_between_the_sliders_steps_is_its_default(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/api/writing/status", with_uneven_weights)
    page.reload()
    page.fill("#word", "山")
    page.wait_for_selector("#generate:enabled")
    assert page.is_hidden("#reset-weights")
    assert "controlnet_weights" not in sent(page)


def with_uneven_weights(route: "Route") -> None:
    """Answer with weights of styles as an operator may configure them."""
    status = route.fetch().json()
    for style in status["styles"].values():
        style["controlnet_weights"] = {"canny": 0.93, "segmentation": 0.61}
    route.fulfill(json=status)


def test_each_map_has_a_switch(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#word", "山")
    page.wait_for_selector("#generate:enabled")
    usual = {control: page.input_value(f"#control-{control} [type=range]") for control in CONTROL_TYPES}
    for control in CONTROL_TYPES:
        page.uncheck(f"#control-{control} [type=checkbox]")
    assert sent(page)["controlnet_weights"] == dict.fromkeys(CONTROL_TYPES, 0)
    for control in CONTROL_TYPES:
        page.check(f"#control-{control} [type=checkbox]")
    assert usual == {control: page.input_value(f"#control-{control} [type=range]") for control in CONTROL_TYPES}
    assert "controlnet_weights" not in sent(page)
