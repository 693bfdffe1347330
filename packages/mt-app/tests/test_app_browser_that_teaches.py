"""The lesson pages in a browser: drawings, narrow pages, playing of steps."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.app

LONG = 180_000.0
"""The timeout for a page in milliseconds, on a busy machine."""

PAGES = {
    "convolution": "Convolution, step by step",
    "pooling": "Pooling, step by step",
    "softmax": "Softmax and dropout",
    "layernorm": "LayerNorm, step by step",
    "attention": "Attention, step by step",
    "names": "Names",
    "operators": "Operators and their slopes",
    "autodiff": "Autodiff, step by step",
    "tensors": "Tensors in memory",
    "points": "Points in the plane",
}


@pytest.fixture
def show(browser: Any, app_address: str) -> Any:
    """Open a page, by default with the width of a phone."""
    contexts = []

    def open_it(name: str, **options: Any) -> Any:
        contexts.append(browser.new_context(viewport={"width": 390, "height": 844}, **options))
        contexts[-1].set_default_timeout(LONG)
        page = contexts[-1].new_page()
        page.goto(f"{app_address}/{name}")
        page.get_by_role("heading", name=PAGES[name], exact=True).wait_for()
        page.locator(".mt-figure svg").first.wait_for()
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAGES)
def test_drawings_are_shown_and_fit_a_narrow_screen(show: Callable[..., Any], name: str) -> None:
    page = show(name)
    assert page.locator("[data-testid=stException]").count() == 0
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert page.locator(".mt-figure svg rect").count() > 0
    assert page.locator(".mt-figure[aria-label='']").count() == 0


def test_points_are_added_by_click_and_by_keyboard(show: Callable[..., Any]) -> None:
    page = show("points")
    page.get_by_role("tab", name="Layers of your own").click()
    page.locator(".plane svg").click()
    page.get_by_text("1 added points").wait_for()
    page.locator(".plane").press("Enter")
    page.get_by_text("2 added points").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("1 added points").wait_for()
    assert len(page.url.partition("&points=")[2]) == 7


def test_a_picture_is_saved(show: Callable[..., Any]) -> None:
    page = show("operators")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save picture").click()
    saved = ET.parse(download.value.path())
    assert saved.getroot().tag.endswith("svg")
    assert "var(" not in ET.tostring(saved.getroot(), "unicode")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_is_the_colour_of_the_text(show: Callable[..., Any], scheme: str) -> None:
    page = show("convolution", color_scheme=scheme)
    ink = page.locator(".mt-figure svg text").first.evaluate(
        "element => getComputedStyle(element).fill"
    )
    text = page.locator("h1").first.evaluate("element => getComputedStyle(element).color")
    assert ink == text
    red = int(ink.removeprefix("rgb(").split(",")[0])
    assert (red > 128) == (scheme == "dark")


def test_playback_continues_until_it_is_stopped(show: Callable[..., Any]) -> None:
    page = show("convolution")
    page.get_by_text("[0, 0, 0] =").wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_text("[0, 0, 2] =").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Play").wait_for()
    # What was on its way arrives; then nothing moves for longer than two steps take. Steps that go
    # on never end: the first follows the last.
    shown = page.locator("[data-testid=stCode]")
    before = ""
    for _ in range(40):
        if shown.inner_text() == before:
            break
        before = shown.inner_text()
        page.wait_for_timeout(2500)
    assert shown.inner_text() == before
