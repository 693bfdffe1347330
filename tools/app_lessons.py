"""Preparation of the lesson pages of the app before their pictures are taken."""

from collections.abc import Callable
from typing import Any

DARK: dict[str, Any] = {"color_scheme": "dark"}


def _open(page: Any, address: str) -> None:
    """Open a page with its inputs, which are a part of its address."""
    page.goto(f"{page.url.split('?')[0]}{address}")
    # The first drawing of a page with tabs may be in a hidden one.
    page.locator(".mt-figure svg").first.wait_for(state="attached")


def _lower(page: Any) -> None:
    """Scroll the hints of the page out of the picture."""
    hints = page.get_by_test_id("stExpander").first
    hints.evaluate(
        "hints => hints.closest('[data-testid=stLayoutWrapper]').nextElementSibling"
        ".scrollIntoView()"
    )


def _convolution(page: Any) -> None:
    _open(page, "convolution?conv.phase=Input+gradient&conv.input+gradient.at=4")
    page.get_by_text("[0, 0, 3] =").wait_for()
    _lower(page)


def _operators(page: Any) -> None:
    _open(page, "operators")


def _autodiff(page: Any) -> None:
    formula = "sigmoid(w1 * x1 + w2 * x2 + b)".replace("+", "%2B")
    _open(page, f"autodiff?autodiff.formula={formula}&autodiff.at=6")
    page.get_by_text("passes it on").wait_for()
    _lower(page)


def _points(page: Any) -> None:
    """Train a network on the data set Circle and show its output in the plane."""
    _open(page, "points?points.tab=A+network+that+learns&learn.set=Circle")
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("right after epoch 200").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached")
    page.locator("[data-testid=stVegaLiteChart]").last.wait_for()
    page.get_by_role("tab", name="A network that learns").evaluate("tab => tab.scrollIntoView()")


def _layers(page: Any) -> None:
    """Show the regions of a network of two hidden layers."""
    _open(page, "points?points.tab=Layers+of+your+own&build.layers=2")
    page.locator(".plane svg").wait_for()


def _text(page: Any) -> None:
    """Show the middle of a continuation."""
    page.goto(f"{page.url.split('?')[0]}text?text.step.at=24&text.layer=2")
    page.get_by_text("The weights of a head have the sum 1").wait_for()
    _lower(page)


def _names(page: Any) -> None:
    """Show the attention of a head for the third letter of a name."""
    _open(page, "names?names.at=4")
    page.get_by_text("in double precision").wait_for()
    _lower(page)


def _wide(height: int) -> dict[str, Any]:
    return {"viewport": {"width": 1200, "height": height}}


LESSONS: tuple[tuple[str, dict[str, Any], Callable[[Any], None]], ...] = (
    ("convolution", _wide(1120), _convolution),
    ("operators", _wide(850), _operators),
    ("autodiff", _wide(1120) | DARK, _autodiff),
    ("points", _wide(1250), _points),
    ("layers", _wide(1050), _layers),
    ("text", _wide(1250), _text),
    ("names", _wide(1050), _names),
)
"""Name of each picture, options of the browser window, and function that prepares the page."""
