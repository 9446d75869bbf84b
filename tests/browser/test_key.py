"""A service that wants a key. In one file, so that its API is started once."""

import zipfile

from tests.browser.conftest import OpenPage
from tests.browser.form import generate, see_picture, set_steps, text


def test_a_key_is_asked_for_once_and_kept_in_the_tab(open_page: OpenPage, url_with_key: str) -> None:
    page = open_page(url=url_with_key)
    page.wait_for_selector("#key-value:visible")
    assert page.is_hidden("#key-error")
    page.keyboard.press("Escape")
    page.click("#problem button")  # the dialog that was closed can be opened again
    page.fill("#key-value", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#key-error:text-is('{text('en', 'key.refused')}')")
    page.fill("#key-value", "secret")
    page.keyboard.press("Enter")
    generate(page, "山")
    see_picture(page, "山")
    page.reload()
    page.wait_for_selector(".card >> nth=0")
    assert not page.is_visible("#key")


def test_the_form_offers_no_more_than_the_operator_allows(open_page: OpenPage, url_with_key: str) -> None:
    page = open_page(url=url_with_key)
    page.fill("#key-value", "secret")
    page.keyboard.press("Enter")
    page.wait_for_selector("#generate:enabled")
    sizes = page.eval_on_selector_all("#size option", "options => options.map(({ value }) => value)")
    assert sizes == ["256x256"]
    assert page.is_disabled("input[name=variations][value='4']")
    page.fill("#word", "山")
    set_steps(page, 21)
    page.check("#target")
    page.click("#generate")
    page.wait_for_selector("#problem p:text-is('Steps: give a number from 1 to 20.')")
    with page.expect_response("**/generate-writing-image") as sent:
        page.fill("#steps", "1")
        page.click("#generate")
    assert sent.value.status == 202


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
