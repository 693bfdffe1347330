"""The command that the user typed, and the entry points of the program."""

import os
import sys
from pathlib import Path

import click

from mt_models.cli.cores import share_cores
from mt_models.cli.main import COMPLETION_VARIABLE, main
from mt_models.cli.output import robust_output


def typed_program(path: str) -> str:
    """Return the program as the user typed it, for help texts and messages.

    Args:
        path: The path of the program, `sys.argv[0]`: that of a console script or of a module.

    >>> typed_program("/usr/local/bin/minitorch") in ("minitorch", "hatch run minitorch")
    True
    """
    # Hatch sets this variable for its commands.
    in_hatch = "HATCH_ENV_ACTIVE" in os.environ
    if Path(path).name == "__main__.py":
        return "hatch run" if in_hatch else "python -m mt_models"
    return "hatch run minitorch" if in_hatch else "minitorch"


def run() -> None:
    """Run the command line of this process, and exit."""
    share_cores(os.environ)
    with robust_output() as failures:
        code: int | str | None = 0
        try:
            main(prog_name=typed_program(sys.argv[0]), complete_var=COMPLETION_VARIABLE)
        except SystemExit as stop:
            code = stop.code
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    sys.exit(1 if failures and not code else code)
