"""A list of words in the word field."""

import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.form import generate, set_steps, text
from tests.helpers import Api, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page


def paste(page: "Page", selector: str, pasted: str) -> None:
    """Paste a text into a field."""
    page.focus(selector)
    page.evaluate("pasted => document.execCommand('insertText', false, pasted)", pasted)


def test_a_pasted_list_becomes_a_deck_that_a_reload_finds_again(open_page: OpenPage) -> None:
    page = open_page()
    set_steps(page, 2)
    paste(page, "#word", "山\n水\tsea\n\n😀\nкот")
    page.wait_for_selector("#generate:text-is('Draw the deck')")
    assert page.is_hidden("#meaning")
    page.fill("#deck-name", "Lesson 7")
    page.click("#generate")
    page.wait_for_selector("#deck:visible")
    page.reload()
    page.wait_for_selector("#deck-title:has-text('Lesson 7')")
    page.wait_for_selector("#deck-files:visible")
    assert page.evaluate("scrollY") == 0, "a deck that is found again does not scroll the page"
    assert page.inner_text("#deck-count") == "2 of 2 drawn"
    assert page.locator("#deck-bar").evaluate("bar => bar.value") == 1
    faults = page.locator("#deck-faults li").all_inner_texts()
    assert faults[0].startswith(f"😀 {text('en', 'error.bad_line')} line 4: ")
    assert faults[1] == f"кот {text('en', 'error.translation_required')}"
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


def test_a_tab_that_closes_its_deck_leaves_another_tabs(open_page: OpenPage) -> None:
    page = open_page()
    generate(page, "山\n水", steps=1)
    page.wait_for_selector("#deck-close:visible")
    other = page.context.new_page()
    other.goto(page.url)
    other.click("#deck-close")  # a new tab shows the stored deck
    with other.expect_response("**/decks?*"):
        generate(other, "火\n木", steps=1)
    other.wait_for_selector("#deck-close:visible")
    page.click("#deck-close")
    other.reload()
    other.wait_for_selector("#deck:visible")


@pytest.mark.parametrize(
    ("words", "code"), [("кот\nпёс", "no_drawable_word"), ("山\n" * 501, "deck_too_large")], ids=["none", "too many"]
)
def test_a_list_that_makes_no_deck_is_told_in_plain_words(open_page: OpenPage, words: str, code: str) -> None:
    page = open_page()
    generate(page, words)
    page.wait_for_selector(f'#problem p:text-is("{text("en", f"error.{code}")}")')
    assert page.inner_text("#problem .detail")
    assert page.is_hidden("#deck")
    assert page.get_attribute("#generate", "aria-disabled") == "false"


@pytest.mark.parametrize("begins_by", ["Shift+Enter", "the button"])
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


def test_with_a_key_motifs_are_drawn_and_a_deck_is_downloaded(open_page: OpenPage, url_with_key: str) -> None:
    """Images and links cannot send a key."""
    page = open_page(url=url_with_key)
    page.fill("#key-value", "secret")
    page.keyboard.press("Enter")
    page.fill("#word", "学习")
    page.wait_for_selector("#motifs img:visible >> nth=1")
    generate(page, "山\n水")
    page.wait_for_selector("#deck-files:visible")
    with page.expect_download() as download:
        page.click("#deck-zip")
    assert download.value.suggested_filename == "Words.zip"
    assert zipfile.is_zipfile(download.value.path())
