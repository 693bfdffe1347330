"""Starts the app: `python -m mt_app`.

Streamlit serves it on this machine alone, reports nothing to anybody, and opens a browser where
there is one.
"""

import os
import sys
from pathlib import Path

import click

from mt_app.theme import theme_options

MAIN = Path(__file__).parent / "entry" / "main.py"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=None,
    help="Where to listen.  [default: 8501, or the next free one]",
)
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="Whom to answer: by default this machine alone. The app has no passwords.",
)
@click.option("--headless", is_flag=True, help="Open no browser.")
def main(port: int | None, address: str, headless: bool) -> None:
    """Look into the networks: draw a digit, type a sentence, train and watch.

    Training runs are kept in `runs/`, as those of `python -m mt_models train` are.
    """
    # Takes a second, which `--help` does not need.
    from streamlit.web.cli import main as streamlit

    options = {
        "server.address": address,
        "server.headless": "true" if headless or not _has_screen() else "false",
        # The app is installed, not edited: nobody waits for its files to change.
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        **theme_options(),
    }
    if port is not None:
        options["server.port"] = str(port)
    flags = [f"--{name}={value}" for name, value in options.items()]
    streamlit(["run", str(MAIN), *flags], prog_name="streamlit")


def _has_screen() -> bool:
    """Return whether a browser can be opened."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


if __name__ == "__main__":
    main(prog_name="python -m mt_app")
