"""Where runs are kept: a numbered folder each, so that none overwrites another."""

from contextlib import suppress
from pathlib import Path

import click

from mt_models.training import LAST

RUNS = Path("runs")


def new_folder(problem: str, out: Path | None) -> Path:
    """Create the folder of a new run: the named one, or the next free `runs/PROBLEM-N`.

    Raises:
        click.UsageError: The named folder holds a run already.
    """
    if out is None:
        return _next_folder(problem)
    if (out / LAST).exists():
        raise click.UsageError(
            f"{out} holds a run already; go on with it by --resume, or name another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    return out


def _next_folder(problem: str) -> Path:
    """Create the next free folder; of two runs that start at once each gets its own."""
    RUNS.mkdir(exist_ok=True)
    number = 1
    while True:
        folder = RUNS / f"{problem}-{number}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
        number += 1


def latest_folder(problem: str, out: Path | None) -> Path:
    """Return the folder of the run to resume: the named one, or the one written to last.

    Raises:
        click.UsageError: There is none.
    """
    if out is not None:
        return out
    checkpoints = list(RUNS.glob(f"{problem}-*/{LAST}"))
    if not checkpoints:
        raise click.UsageError(
            f"there is no run of {problem} below {RUNS}/ to resume; name its folder with --out"
        )
    return max(checkpoints, key=lambda path: path.stat().st_mtime).parent
