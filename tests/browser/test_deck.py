"""A list of words in the word field."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.form import generate, see_picture, set_steps, text
from tests.helpers import Api, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page


def paste(page: "Page", selector: str, pasted: str) -> None:
    """Paste a text into a field."""
    page.focus(selector)
    page.evaluate("pasted => document.execCommand('insertText', false, pasted)", pasted)


def test_a_pasted_list_becomes_a_deck_that_a_reload_finds_again(open_page: OpenPage) -> None:
    page = open_page()
    set_steps(page, 1)
    paste(page, "#word", "山\n水\tsea\n\n😀\nыыы")
    page.wait_for_selector("#generate:text-is('Draw the deck')")
    assert page.is_hidden("#meaning")
    page.fill("#deck-name", "Lesson 7")
    page.click("#generate")
    page.wait_for_selector("#deck:visible")
    page.reload()
    page.wait_for_selector("#deck-title:has-text('Lesson 7')")
    page.wait_for_selector("#deck-files:visible")
    assert page.inner_text("#deck-count") == "2 of 4 words drawn"
    assert page.locator("#deck-bar").evaluate("bar => bar.value") == 1
    faults = page.locator("#deck-faults li").all_inner_texts()
    assert faults[0].startswith(f"😀 {text('en', 'error.bad_line')} line 4: ")
    assert faults[1] == f"ыыы {text('en', 'error.translation_required')} {text('en', 'deck.correct.one')}"
    assert page.get_attribute("#deck-faults b >> nth=0", "lang") == "und"

    with page.expect_download() as download:
        page.click("#deck-zip")
    assert download.value.suggested_filename == "Lesson_7.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".png")]) == 2
    with page.expect_download() as download:
        page.click("#deck-apkg")
    assert download.value.suggested_filename == "Lesson_7.apkg"
    with zipfile.ZipFile(download.value.path()) as package:
        assert "media" in package.namelist()

    page.click("#deck-close")
    assert page.is_hidden("#deck")
    page.reload()
    page.wait_for_selector("#generate:enabled")
    assert page.is_hidden("#deck")

    page.click("#decks button:text-is('Lesson 7')")
    page.click("#deck-correct")
    assert page.input_value("#word") == "😀\nыыы"
    assert page.input_value("#deck-name") == "Lesson 7"


@pytest.mark.slow
def test_a_decks_picture_is_opened_and_its_settings_reused(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "山\n水\tsea")
    page.wait_for_selector("#deck-pictures img:visible >> nth=1")
    page.click("#deck-pictures button >> nth=1")
    see_picture(page, "水")
    assert page.inner_text("#label-meaning") == "sea"
    page.wait_for_selector("#history .brush:text-is('水')")
    page.on("dialog", lambda dialog: dialog.accept())  # the list in the form is replaced
    page.click("#reuse")
    assert (page.input_value("#word"), page.input_value("#meaning")) == ("水", "sea")
    assert page.input_value("#steps") == "1"


@pytest.mark.slow
def test_a_word_that_is_drawn_again_takes_its_place_in_the_deck(open_page: OpenPage, api: Api) -> None:
    page = open_page()
    with page.expect_response("**/decks?*") as made, page.expect_response("**/image?size=*") as small:
        generate(page, "山\n水")
    assert small.value.headers["content-type"] == "image/webp"
    page.wait_for_selector("#deck-pictures img:visible >> nth=1")
    assert page.is_hidden("#to-deck")
    page.click("#deck-pictures button >> nth=1")
    see_picture(page, "水")
    page.wait_for_selector("#to-deck[aria-disabled=true]")
    assert page.inner_text("#to-deck") == text("en", "deck.placed")
    page.on("dialog", lambda dialog: dialog.accept())  # the list in the form is replaced
    page.click("#reuse")
    page.fill("#seed", "9")
    page.check("input[name=variations][value='4']", force=True)
    with page.expect_response("**/generate-writing-image") as drawn:
        page.click("#generate")
    page.wait_for_selector("#variations button:enabled >> nth=3")
    page.click("#variations button[aria-pressed=false] >> nth=0")
    page.wait_for_selector(f"#to-deck:text-is('{text('en', 'deck.put')}')")
    page.click("#to-deck")
    page.wait_for_selector(f"#to-deck:text-is('{text('en', 'deck.placed')}')")
    deck = api.get(made.value.json()["status_url"]).json()
    word = deck["words"][1]
    assert (word["job_id"], deck["is_finished"]) == (drawn.value.json()["job_id"], True)
    assert "/variations/" in word["image_url"]
    seed = page.inner_text("#label-seed")
    page.click("#deck-pictures button >> nth=0")
    see_picture(page, "山")
    page.click("#deck-pictures button >> nth=1")
    page.wait_for_selector("#label-word:visible:text-is('水')")
    assert page.inner_text("#label-seed") == seed, "the variation that the deck has"
    page.click("#deck-close")
    assert page.is_hidden("#to-deck")


def test_a_refused_word_is_corrected_in_its_place(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "translation,word\nmountain,山\nto study,学习😀")
    page.wait_for_selector("#deck-files:visible")
    page.on("dialog", lambda dialog: dialog.accept())  # the list in the form is replaced
    page.click("#deck-correct")
    assert page.input_value("#word") == "translation,word\nto study,学习😀", "with its heading"
    page.click("#deck-faults li button")
    assert page.input_value("#word") == "to study,学习😀"
    generate(page, "学习")
    see_picture(page, "学习")
    page.click("#to-deck")
    page.wait_for_selector("#deck-count:text-is('2 of 2 words drawn')")
    assert page.is_hidden("#deck-faults")
    page.locator("#deck-pictures").scroll_into_view_if_needed()
    page.wait_for_selector("#deck-pictures img:visible >> nth=1")


@pytest.mark.slow
def test_a_refused_word_is_corrected_with_its_meaning(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "word,translation,style\n山,mountain,\n学习,study,cubist")
    page.wait_for_selector("#deck-files:visible")
    page.on("dialog", lambda dialog: dialog.accept())  # the list in the form is replaced
    page.click("#deck-faults li button")
    assert (page.input_value("#word"), page.input_value("#meaning")) == ("学习", "study")


@pytest.mark.slow
def test_a_word_pasted_with_its_line_end_stays_a_word(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    paste(page, "#word", "水\n")
    page.wait_for_selector("#generate:text-is('Draw')")
    page.reload()
    page.wait_for_selector("#generate:enabled")
    assert page.input_value("#word") == "水"
    assert page.inner_text("#generate") == "Draw"


@pytest.mark.slow
def test_the_list_in_the_form_is_replaced_only_after_a_question(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "山")
    see_picture(page, "山")
    page.fill("#word", "水\n火")
    page.click("#reuse")  # Playwright dismisses the dialog
    assert page.input_value("#word") == "水\n火"


@pytest.mark.slow
def test_a_file_in_any_encoding_becomes_a_deck(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    set_steps(page, 2)
    file = tmp_path / "Lesson 3.txt"
    file.write_bytes("水\tsea\n学习\tto study\n今天天气很好\tfine weather\n汉语词典\tdictionary\n".encode("gb18030"))
    page.set_input_files("#file-picker", file)
    assert page.inner_text("#file-name") == "Lesson 3.txt"
    assert page.is_hidden("#word")
    page.click("#generate")
    page.wait_for_selector("#deck-title:text-is('Deck “Lesson 3”')")
    page.wait_for_selector("#deck-files:visible")
    assert page.inner_text("#deck-count") == "4 of 4 words drawn"
    page.click("#deck-pictures button >> nth=0")
    see_picture(page, "水")
    page.click("#reuse")  # Playwright dismisses the question
    assert page.is_visible("#file")
    page.click("#file-remove")
    assert page.is_visible("#word")


@pytest.mark.slow
def test_an_earlier_deck_stays_within_reach(open_page: OpenPage) -> None:
    page = open_page()
    for name, words in (("Lesson 1", "山\n水"), ("Lesson 2", "火\n木")):
        page.wait_for_selector("#generate[aria-disabled=false]")
        page.fill("#word", words)
        page.fill("#deck-name", name)
        set_steps(page, 1)
        page.click("#generate")
        page.wait_for_selector(f"#deck-title:has-text('{name}')")
        page.wait_for_selector("#deck-close:visible")
    page.click("#decks button:text-is('Lesson 1')")
    page.wait_for_selector("#deck-title:has-text('Lesson 1')")
    with page.expect_download() as download:
        page.click("#deck-zip")
    assert download.value.suggested_filename == "Lesson_1.zip"
    assert page.inner_text("#decks ul") == "Lesson 2"


@pytest.mark.slow
def test_a_deck_can_be_cancelled_and_single_words_drawn_beside_it(open_page: OpenPage, api: Api) -> None:
    page = open_page()
    with page.expect_response("**/decks?*") as made:
        generate(page, "\n".join("山水火木土日月人"), steps=100)
    status_url = made.value.json()["status_url"]
    page.wait_for_selector("#generate:text-is('Drawing the deck…')")
    page.fill("#word", "山")
    page.wait_for_selector("#generate:text-is('Draw')")
    assert page.get_attribute("#generate", "aria-disabled") == "false"
    page.click("#deck-cancel")
    page.wait_for_selector("#deck-close:visible")
    eventually(lambda: api.get(status_url).json()["is_finished"])
    assert api.get(status_url).json()["counts"]["cancelled"] > 0
    assert page.is_hidden("#deck-cancel")


@pytest.mark.slow
def test_a_tab_that_closes_its_deck_leaves_another_tabs(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "山\n水", steps=1)
    page.wait_for_selector("#deck-close:visible")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#deck-close:visible")  # a new tab shows the stored deck
    assert other.evaluate("scrollY") == 0, "and does not scroll to it"
    other.click("#deck-close")
    with other.expect_response("**/decks?*"):
        generate(other, "火\n木", steps=1)
    other.wait_for_selector("#deck-close:visible")
    page.click("#deck-close")
    other.reload()
    other.wait_for_selector("#deck:visible")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param("ыыы\nъыъ", "no_drawable_word", id="none", marks=pytest.mark.slow),
        pytest.param("山\n" * 501, "deck_too_large", id="too many", marks=pytest.mark.slow),
    ],
)
def test_a_list_that_makes_no_deck_is_told_in_plain_words(open_page: OpenPage, words: str, code: str) -> None:
    page = open_page()
    generate(page, words)
    page.wait_for_selector(f'#problem p:text-is("{text("en", f"error.{code}")}")')
    assert page.inner_text("#problem .detail")
    assert page.is_hidden("#deck")
    assert page.get_attribute("#generate", "aria-disabled") == "false"


def test_a_list_with_unclear_columns_gets_a_heading(open_page: OpenPage, tmp_path: Path) -> None:
    words = "山\tmountain\thill\n水\twater\tsea"
    page = open_page()
    generate(page, words)
    page.wait_for_selector(f'#problem p:text-is("{text("en", "error.unclear_columns")}")')
    assert page.is_hidden("#problem .detail")
    page.click(f"#problem button:text-is('{text('en', 'list.name_columns')}')")
    assert page.input_value("#word") == f"word\treading\ttranslation\n{words}"
    assert page.is_hidden("#problem")
    page.keyboard.insert_text("word\ttranslation\t-")  # the heading is selected
    page.click("#generate")
    page.wait_for_selector("#deck-files:visible")
    assert page.inner_text("#deck-count") == "2 of 2 words drawn"

    file = tmp_path / "Lesson 3.txt"
    file.write_text(words)
    page.set_input_files("#file-picker", file)
    page.click("#generate")
    page.wait_for_selector(f'#problem p:text-is("{text("en", "error.unclear_columns")}")')
    assert page.locator("#problem button").count() == 0


@pytest.mark.parametrize("begins_by", ["Shift+Enter", pytest.param("the button", marks=pytest.mark.slow)])
def test_enter_sends_a_word_and_begins_a_new_line_in_a_list(open_page: OpenPage, begins_by: str) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    page.focus("#word")
    page.keyboard.insert_text("山")
    if begins_by == "the button":
        page.click("#begin-list")
    else:
        page.keyboard.press(begins_by)
    page.keyboard.insert_text("水")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("火")
    page.wait_for_selector("#generate:text-is('Draw the deck')")
    assert page.input_value("#word") == "山\n水\n火"
    set_steps(page, 2)
    page.fill("#word", "山")
    with page.expect_request("**/generate-writing-image"):
        page.press("#word", "Enter")


def test_a_single_row_of_a_table_is_a_list_whose_name_may_be_refused(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    paste(page, "#word", "山\tshān\tmountain")
    page.keyboard.press("Enter")
    assert page.input_value("#word") == "山\tshān\tmountain\n"
    assert page.is_hidden("#end-list")
    page.fill("#deck-name", "Lesson\x01")
    page.click("#generate:text-is('Draw the deck')")
    page.wait_for_selector("#deck-name[aria-invalid=true]:focus")


@pytest.mark.slow
def test_the_form_is_for_a_list_as_soon_as_one_is_asked_for(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_selector("#generate:enabled")
    page.click("#begin-list")
    page.wait_for_selector("#list-hint:visible")
    assert page.is_hidden("#meaning")
    assert page.inner_text("#generate") == "Draw the deck"
    assert page.get_attribute("#word", "aria-describedby") == "word-error list-hint"
    page.click("#generate")
    page.wait_for_selector(f"#word-error span:text-is('{text('en', 'error.no_word')}')")
    page.click("#end-list")
    page.wait_for_selector("#meaning:visible")
    assert page.inner_text("#generate") == "Draw"
