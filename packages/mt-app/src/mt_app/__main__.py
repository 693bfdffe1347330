"""The command that starts the app: `python -m mt_app`.

Streamlit serves the app on the local address only, sends no statistics, and opens a browser if
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
    help="The port.  [default: 8501, or the next free one]",
)
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="The address, by default this machine only. The app has no passwords.",
)
@click.option("--headless", is_flag=True, help="Do not open a browser.")
def main(port: int | None, address: str, headless: bool) -> None:
    """Start the app: draw a digit, type a sentence, train a network.

    Training runs are saved in `runs/`, like those of `python -m mt_models train`.
    """
    # Imported here: the import takes a second, and `--help` does not need it.
    from streamlit.web.cli import main as streamlit

    options = {
        "server.address": address,
        "server.headless": "true" if headless or not _has_screen() else "false",
        # The files of an installed app do not change, so they are not watched.
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        # Buttons set the values of inputs that have a default.
        "global.disableWidgetStateDuplicationWarning": "true",
        # Otherwise a text that stands alone in a script is shown on every page.
        "runner.magicEnabled": "false",
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
