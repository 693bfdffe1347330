"""A running app in an own folder, and the browser that is driven in tests and pictures."""

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Options of the browser: no requests except to the app; it may run in a container and as root."""


@contextmanager
def running_app(folder: Path) -> Iterator[str]:
    """Start the app in a folder as a user does, and provide its address for a block.

    Raises:
        RuntimeError: The app did not start within 120 s.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mt_app", "--headless", "--port", str(port)]
    log = folder / "server.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, log)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()
        server.wait()


def _wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health") as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the app did not start:\n{log.read_text('utf-8', errors='replace')}")


def find_browser() -> str | None:
    """Return the path of an installed browser; None if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def draw_seven(page: Any) -> None:
    """Clear the canvas of a page, and draw the digit 7."""
    page.get_by_role("button", name="Clear").click()
    canvas = page.get_by_label("Drawing area")
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    (x, y), *others = [
        (box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        for x, y in ((0.25, 0.25), (0.72, 0.25), (0.45, 0.8))
    ]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
