"""Pictures of the app in the documents, as screenshots: `hatch run app:pictures [NAME ...]`."""

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from tools.app_browser import QUIET, find_browser, running_app
from tools.app_lessons import LESSONS
from tools.workspace import ROOT

TARGET = ROOT / "docs" / "images" / "app"
WIDE: dict[str, Any] = {"viewport": {"width": 1200, "height": 1000}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 1500}, "device_scale_factor": 1.5}
DARK: dict[str, Any] = {"color_scheme": "dark"}
LONG = 300_000.0


def main(names: list[str]) -> None:
    """Take the pictures with these names, or all of them."""
    program = find_browser()
    if program is None:
        raise SystemExit("no browser found (Debian: apt install chromium)")
    TARGET.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder)) as address,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=program, args=list(QUIET))
        for name, options, show in (
            ("digits", {"viewport": {"width": 1200, "height": 1750}}, _digits),
            ("digits-dark", WIDE | DARK, _digits),
            ("digits-phone", PHONE, _digits),
            ("sentiment", WIDE, _sentiment),
            ("training", {"viewport": {"width": 1200, "height": 1420}}, _training),
            *LESSONS,
        ):
            if names and name not in names:
                continue
            page = browser.new_page(**options)
            page.set_default_timeout(LONG)
            page.goto(address)
            page.get_by_role("heading", name="Digits", exact=True).wait_for()
            show(page)
            page.wait_for_timeout(1500)
            _keep(page.screenshot(), TARGET / f"{name}.png")
            page.close()
        browser.close()


def _digits(page: Any) -> None:
    page.locator("[data-answer]").wait_for()
    page.get_by_text("Filters").wait_for()
    page.evaluate("document.querySelector('h1').scrollIntoView({block: 'end'})")


def _sentiment(page: Any) -> None:
    page.get_by_role("link", name="Sentiment").click()
    page.locator("[data-answer]").wait_for()
    page.get_by_text("The cosine of the angle").wait_for()


def _training(page: Any) -> None:
    """Start a training run and wait for its end."""
    page.get_by_test_id("stButtonGroup").get_by_text("Train", exact=True).click()
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("The most confident errors").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached")


def _keep(screenshot: bytes, path: Path) -> None:
    """Write a picture with a palette of 192 colours."""
    with Image.open(io.BytesIO(screenshot)) as picture:
        picture.convert("RGB").quantize(192, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
