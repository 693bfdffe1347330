"""The app in a browser: drawing, prediction, training, stopping, reloading, accessibility."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.app_browser import draw_seven

pytestmark = pytest.mark.app

LONG = 180_000.0
"""The timeout for a page in milliseconds, with compilation on a busy machine."""
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
OF_STREAMLIT = {"list", "listitem"}
"""Findings of axe in the sidebar of Streamlit 1.67: its list contains items within elements."""


@pytest.fixture
def page(browser: Any, app_address: str) -> Iterator[Any]:
    """The app's first page; after the test there are no errors and no requests to other hosts."""
    yield from _opened(browser, app_address, viewport={"width": 1280, "height": 900})


@pytest.fixture
def phone(browser: Any, app_address: str) -> Iterator[Any]:
    """The first page in dark mode on a phone."""
    yield from _opened(
        browser,
        app_address,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        color_scheme="dark",
    )


def _opened(browser: Any, address: str, **options: Any) -> Iterator[Any]:
    context = browser.new_context(**options)
    context.set_default_timeout(LONG)
    page = context.new_page()
    complaints: list[str] = []
    strangers: list[str] = []

    def note_request(request: Any) -> None:
        if not request.url.startswith((address, address.replace("http", "ws"), "data:", "blob:")):
            strangers.append(request.url)

    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", note_request)
    page.goto(address)
    page.get_by_role("heading", name="Digits", exact=True).wait_for()
    yield page
    assert page.locator("[data-testid=stException]").count() == 0
    context.close()
    assert complaints == []
    assert strangers == []


def open_page(page: Any, name: str) -> None:
    page.get_by_role("link", name=name).click()
    page.get_by_role("heading", name=name, exact=True).wait_for()


def test_a_drawn_digit_is_read(page: Any) -> None:
    # Before the user draws, the page shows an example.
    page.locator("[data-answer='7']").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator(".mt-waiting").wait_for()
    draw_seven(page)
    page.locator("[data-answer='7']").wait_for()
    page.get_by_text("Layer by layer").wait_for()
    page.get_by_text("4 × 28 × 28").wait_for()
    page.locator("[data-test-script-state='notRunning']").wait_for()
    # A value of `out` depends on a window of 5 x 5 pixels, and 1 of `pool` depends on it.
    page.get_by_label("out, channel 2").press("ArrowUp")
    page.get_by_text("out, channel 2, row 14, column 14").wait_for()
    marks = page.locator(".mark")
    assert marks.count() == 1 + 4 + 1 + 1
    image = page.get_by_label("image, channel 0").bounding_box()
    assert abs(marks.first.bounding_box()["width"] / image["width"] * 28 - 5) < 0.2
    page.get_by_text("8 × 7 × 7").wait_for()
    shown = page.locator(".mt-tiles img").evaluate_all(
        "images => images.filter(i => i.naturalWidth > 0).length"
    )
    assert shown > 30
    # The selected value is kept for another picture.
    page.get_by_role("button", name="Random example").click()
    page.get_by_label("Test image of MNIST").wait_for()
    page.locator(".mark").nth(6).wait_for()
    page.get_by_text("out, channel 2, row 14, column 14").wait_for()


def test_a_digit_is_drawn_by_keyboard_and_kept_in_the_address(page: Any) -> None:
    page.get_by_role("button", name="Clear").click()
    page.locator(".mt-waiting").wait_for()
    page.get_by_label("Drawing area").focus()
    for key in ["ArrowUp"] * 12 + [" "] + ["ArrowDown"] * 24 + [" "]:
        page.keyboard.press(key)
    page.locator("[data-answer='1']").wait_for()
    page.wait_for_function("new URL(location).searchParams.get('drawing').length === 100")
    page.get_by_role("button", name="Eraser").click()
    for key in [" ", *["ArrowUp"] * 24, " "]:
        page.get_by_label("Drawing area").press(key)
    page.locator(".mt-waiting").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-answer='1']").wait_for()
    address = page.url
    page.reload()
    page.locator("[data-answer='1']").wait_for()
    assert page.url == address
    open_page(page, "Sentiment")
    open_page(page, "Digits")
    page.locator("[data-answer='1']").wait_for()


def test_the_page_digits_has_an_address_of_its_own(browser: Any, app_address: str) -> None:
    page = browser.new_page()
    page.goto(f"{app_address}/digits?digits.part=Train")
    page.get_by_role("button", name="Start training").wait_for(timeout=LONG)
    assert page.get_by_text("Page not found").count() == 0
    page.close()


def test_a_digit_is_drawn_with_a_finger_on_a_narrow_dark_page(phone: Any) -> None:
    draw_seven(phone)
    answer = phone.locator("[data-answer='7']")
    answer.wait_for()
    canvas, beside = phone.get_by_label("Drawing area").bounding_box(), answer.bounding_box()
    assert canvas["x"] + canvas["width"] <= beside["x"]
    assert canvas["y"] < beside["y"] + beside["height"] < canvas["y"] + canvas["height"]
    width = phone.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    background = phone.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    )
    assert background == "rgb(18, 22, 28)"


def test_a_training_starts_survives_a_reload_and_stops(page: Any) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text("Train", exact=True).click()
    slider = page.get_by_role("slider", name="Epochs")
    slider.press("End")
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Stop").wait_for()
    page.get_by_text("examples/s").wait_for()
    page.locator("[data-testid=stVegaLiteChart]").first.wait_for()
    page.reload()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped before its last epoch.").wait_for()
    assert page.get_by_role("button", name="Stop").count() == 0
    # What was learnt so far goes on where it stood.
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped before its last epoch.").wait_for()


def test_a_sentence_is_read(page: Any) -> None:
    open_page(page, "Sentiment")
    page.locator("[data-answer=positive]").wait_for()
    box = page.get_by_role("textbox", name="Sentence")
    box.fill("a dull zzyzx mess")
    box.press("Control+Enter")
    page.locator("[data-answer=negative]").wait_for()
    page.get_by_text("Unknown words, ignored: zzyzx").wait_for()
    assert page.locator(".mt-window mark").count() >= 3
    page.get_by_text("The cosine of the angle").wait_for()


def test_all_pages_are_accessible_in_both_modes(page: Any) -> None:
    page.evaluate(AXE.read_text("utf-8"))
    links = page.get_by_test_id("stSidebarNavLink")
    for number in range(links.count()):
        links.nth(number).click()
        page.wait_for_function(
            "document.querySelectorAll('h1').length === 1 && "
            "!document.querySelector('[data-testid=stStatusWidget]')"
        )
        assert page.locator("[data-testid=stException]").count() == 0
        for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(300)
            found = page.evaluate(
                "async (rules) => (await axe.run({...rules, resultTypes: ['violations']}))"
                ".violations.flatMap(({id, nodes}) => "
                "nodes.map(({html, any}) => [id, html, any[0]?.message]))",
                rules,
            )
            assert [each for each in found if each[0] not in OF_STREAMLIT] == [], scheme
            assert all("stSidebarNav" in html or html.startswith("<li") for _, html, _ in found)


def test_a_task_is_graded(page: Any) -> None:
    open_page(page, "Grade")
    page.get_by_role("button", name="Judge it").click()
    page.get_by_text("Report on").wait_for()
    report = page.frame_locator("iframe")
    report.get_by_text("of 10 points").first.wait_for()
    # The page scrolls, not the report within it.
    page.wait_for_function(
        "(frame) => frame.clientHeight >= frame.contentDocument.documentElement.scrollHeight",
        arg=page.locator("iframe").element_handle(),
    )
