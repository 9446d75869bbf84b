"""Four pictures of one word in one job."""

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.browser.conftest import OpenPage
from tests.browser.form import generate, see_picture

if TYPE_CHECKING:
    from playwright.sync_api import Page


def draw_four(page: "Page", word: str) -> None:
    """Draw a word four times and wait for the grid."""
    page.click("label:has(input[name=variations][value='4'])")
    generate(page, word, steps=1)
    page.wait_for_selector(".quad:enabled >> nth=3")


def kept(page: "Page") -> list[int]:
    """Return the numbers of the pictures marked as kept."""
    cells = page.locator(".quad").all()
    return [number for number, cell in enumerate(cells) if cell.get_attribute("aria-pressed") == "true"]


def test_four_pictures_form_side_by_side_and_one_is_kept(open_page: OpenPage) -> None:
    page = open_page()
    page.click("label:has(input[name=variations][value='4'])")
    generate(page, "山", steps=20)
    page.wait_for_selector(".quad img:visible >> nth=1")
    page.click("#cancel")
    page.wait_for_selector("#progress", state="hidden")
    assert not page.is_visible("#variations")

    draw_four(page, "山")
    (best,) = kept(page)
    first = int(page.inner_text("#label-seed")) - best
    scores = [tag.split()[-1] for tag in page.locator(".tag").all_inner_texts()]
    marked = page.locator(".tag:has-text('Most legible')").count()
    assert marked == (len(set(scores)) > 1), "where all are alike, none is marked"
    other = (best + 1) % 4
    page.click(f".quad >> nth={other}")
    see_picture(page, "山")
    assert page.inner_text("#label-seed") == page.input_value("#seed") == str(first + other)
    with page.expect_download() as download:
        page.click("#download")
    with Image.open(download.value.path()) as picture:
        about = json.loads(picture.text["writing-service"])
    assert (about["seed"], about["scene_seed"]) == (first + other, first)

    page.click("#all-variations")
    assert kept(page) == [other]
    page.click("#reuse")
    with page.expect_request("**/generate-writing-image") as submitted:
        page.click("#generate")
    again = submitted.value.post_data_json
    assert again["seed"] == first + other
    assert again.get("scene_seed", again["seed"]) == first
    assert "variations" not in again


@pytest.mark.slow
def test_the_history_keeps_all_four(open_page: OpenPage) -> None:
    page = open_page()
    draw_four(page, "水")
    (best,) = kept(page)
    other = (best + 2) % 4
    page.click(f".quad >> nth={other}")
    page.wait_for_selector("#all-variations:visible")
    page.reload()
    page.click("#history .open")
    page.wait_for_selector(".quad img:visible >> nth=3")
    assert kept(page) == [other]
    scores = [tag.split()[-1] for tag in page.locator(".tag").all_inner_texts()]
    marked = page.locator(".tag:has-text('Most legible')").count()
    assert marked == (len(set(scores)) > 1), "where all are alike, none is marked"
