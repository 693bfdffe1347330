"""`grade --watch`: judge again after every change of a source."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click
from watchfiles import PythonFilter, watch


def watch_and(judge: Callable[[], int], folder: Path) -> int:
    """Judge now and after every change of a Python file in a folder, until Ctrl-C.

    Returns:
        The exit code of the last run.
    """
    code = judge()
    wait()
    try:
        for changes in watch(folder, watch_filter=PythonFilter(), raise_interrupt=True):
            names = sorted({Path(path).name for _, path in changes})
            click.clear()
            click.secho(f"{datetime.now():%H:%M:%S}  {', '.join(names[:3])}", dim=True)
            code = judge()
            wait()
    except KeyboardInterrupt:
        click.echo()
    return code


def wait() -> None:
    """Write that the command waits for a change."""
    click.secho("waiting for the next change; Ctrl-C to stop", dim=True)
