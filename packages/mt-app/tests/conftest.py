"""Fixtures for tests of the app: its package for other processes, a running app, a browser."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.app_browser import BROWSERS, QUIET, find_browser, running_app

SOURCE = Path(__file__).parents[1] / "src"


@pytest.fixture(autouse=True)
def found_by_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes of a test import the app, which only its environment installs."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCE), prepend=os.pathsep)


@pytest.fixture(scope="session")
def app_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app that runs in an empty folder."""
    with running_app(tmp_path_factory.mktemp("app")) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = find_browser()
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} (Debian: apt install chromium)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=list(QUIET))
        yield chromium
        chromium.close()
