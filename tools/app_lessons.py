"""Preparation of the lesson pages of the app before their pictures are taken."""

from collections.abc import Callable
from typing import Any

PAUSE = 2500.0
"""Milliseconds to wait after a step of a lesson. With less, the page is drawn again during the next
click, which is lost."""

DARK: dict[str, Any] = {"color_scheme": "dark"}


def _open(page: Any, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    page.locator(".mt-figure svg").first.wait_for()


def _step(page: Any, times: int, until: str) -> None:
    """Click through a number of steps, and wait for a text of the last one."""
    for _ in range(times):
        page.get_by_role("button", name="Next").first.click()
        # A click while the page is drawn again is lost.
        page.wait_for_timeout(PAUSE)
    page.get_by_text(until).first.wait_for()


def _choose(page: Any, text: str) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text(text, exact=True).click()


def _lower(page: Any) -> None:
    """Scroll the hints of the page out of the picture."""
    hints = page.get_by_test_id("stExpander").first
    hints.evaluate(
        "hints => hints.closest('[data-testid=stLayoutWrapper]').nextElementSibling"
        ".scrollIntoView()"
    )


def _convolution(page: Any) -> None:
    _open(page, "Convolution")
    _choose(page, "Input gradient")
    page.wait_for_timeout(PAUSE)
    _step(page, 3, "[0, 0, 3] =")
    _lower(page)


def _operators(page: Any) -> None:
    _open(page, "Operators")


def _autodiff(page: Any) -> None:
    _open(page, "Autodiff")
    _choose(page, "sigmoid(w1 * x1 + w2 * x2 + b)")
    page.get_by_text("Moment, of 11").wait_for()
    _step(page, 5, "passes it on")
    _lower(page)


def _points(page: Any) -> None:
    """Train a network on the data set Circle and show its output in the plane."""
    _open(page, "Points")
    page.get_by_role("tab", name="A network that learns").click()
    page.get_by_role("tabpanel").last.get_by_text("Circle", exact=True).click()
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("right after epoch 200").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached")
    page.locator("[data-testid=stVegaLiteChart]").last.wait_for()
    page.get_by_role("tab", name="A network that learns").evaluate("tab => tab.scrollIntoView()")


def _layers(page: Any) -> None:
    """Show the regions of a network of two hidden layers."""
    page.goto(f"{page.url.split('?')[0]}points?points.tab=Layers+of+your+own&build.layers=2")
    page.locator(".plane svg").wait_for()


def _wide(height: int) -> dict[str, Any]:
    return {"viewport": {"width": 1200, "height": height}}


LESSONS: tuple[tuple[str, dict[str, Any], Callable[[Any], None]], ...] = (
    ("convolution", _wide(1120), _convolution),
    ("operators", _wide(850), _operators),
    ("autodiff", _wide(1120) | DARK, _autodiff),
    ("points", _wide(1250), _points),
    ("layers", _wide(1050), _layers),
)
"""Name of each picture, options of the browser window, and function that prepares the page."""
