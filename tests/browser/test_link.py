"""Links that contain a picture's settings."""

from urllib.parse import parse_qs, urlsplit

from tests.browser.conftest import OpenPage
from tests.browser.form import generate, in_view, see_picture, set_steps, text


def test_a_link_has_all_settings_and_opening_it_starts_nothing(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.fill("#word", "长")
    page.click(".chip:text-is('to grow')")
    page.wait_for_selector("#motifs [data-motif=seedling]")
    page.fill("#motif-query", "tree")
    page.click("#motifs-found [data-motif=palm-tree]")
    page.check("#draw-imagery")
    page.click("label:has(input[name=style][value=neon])")
    page.fill("#control-depth [type=range]", "1.5")
    page.select_option("#control-canny select", "adaptive_canny")
    set_steps(page, 2)
    page.fill("#negative", "blurry, d'or & plus + 100 %")
    with page.expect_request("**/generate-writing-image") as first:
        page.click("#generate")
    see_picture(page, "长")
    page.click("#share")
    page.wait_for_selector("#share:text-is('Copied')")
    link = page.evaluate("navigator.clipboard.readText()")
    assert parse_qs(urlsplit(link).query)["word"] == ["长"]

    seed = page.inner_text("#label-seed")
    page.goto(link)
    page.wait_for_selector("#notice:visible")
    page.wait_for_selector(".chip:text-is('to grow')[aria-pressed=true]")
    assert page.is_hidden("#progress")
    assert in_view(page, "#notice")
    with page.expect_request("**/generate-writing-image") as second:
        page.click("#generate")
    assert second.value.post_data_json == {**first.value.post_data_json, "seed": int(seed)}
    assert page.is_hidden("#notice")


def test_what_a_link_says_wrongly_is_left_out(open_page: OpenPage) -> None:
    page = open_page(
        "/?word=<b>山</b>&style=no_such&seed=many&controlnet_weights.canny=&conditioning_methods.depth=magic"
        "&imagery=no-such,book&draw_imagery=maybe&legibility=1&quality=none&__proto__.x=1"
    )
    page.wait_for_selector(f"#notice:text-is('{text('en', 'link.partly')}')")
    assert page.input_value("#word") == "<b>山</b>"
    assert page.locator("#motifs [data-motif=no-such]").count() == 0
    assert page.input_value("#seed") == ""
    assert page.is_checked("#draw-imagery"), "the model's default"
    generate(page, "山")
    see_picture(page, "山")


def test_a_link_too_long_for_a_server_goes_after_the_hash(open_page: OpenPage) -> None:
    page = open_page()
    request = {"word": "山", "negative_prompt": "размыто" * 70}
    link = page.evaluate("async request => (await import('/static/link.js')).toLink(request, location.origin)", request)
    assert "/#word=" in link
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("#notice:visible")
    assert page.input_value("#negative") == request["negative_prompt"]
