"""The app in a browser: drawing, prediction, training, stopping, reloading."""

from collections.abc import Iterator
from typing import Any

import pytest

from tools.app_browser import draw_seven

pytestmark = pytest.mark.app

LONG = 180_000.0
"""The timeout for a page in milliseconds, with compilation on a busy machine."""


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
    draw_seven(page)
    page.locator("[data-answer='7']").wait_for()
    page.get_by_text("Layer by layer").wait_for()
    page.get_by_text("4 × 28 × 28").wait_for()
    page.get_by_text("8 × 7 × 7").wait_for()
    shown = page.locator(".mt-tiles img").evaluate_all(
        "images => images.filter(i => i.naturalWidth > 0).length"
    )
    assert shown > 30
    page.get_by_role("button", name="Clear").click()
    page.locator(".mt-waiting").wait_for()


def test_a_digit_is_drawn_with_a_finger_on_a_narrow_dark_page(phone: Any) -> None:
    draw_seven(phone)
    phone.locator("[data-answer='7']").wait_for()
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
    page.get_by_test_id("stButtonGroup").get_by_text("Train", exact=True).click()
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


def test_all_pages_are_opened_one_after_the_other(page: Any) -> None:
    links = page.get_by_test_id("stSidebarNavLink")
    for number in range(links.count()):
        links.nth(number).click()
        page.wait_for_function(
            "document.querySelectorAll('h1').length === 1 && "
            "!document.querySelector('[data-testid=stStatusWidget]')"
        )
        assert page.locator("[data-testid=stException]").count() == 0


def test_a_task_is_graded(page: Any) -> None:
    open_page(page, "Grade")
    page.get_by_role("button", name="Judge it").click()
    page.get_by_text("Report on").wait_for()
    report = page.frame_locator("iframe")
    report.get_by_text("of 10 points").first.wait_for()
