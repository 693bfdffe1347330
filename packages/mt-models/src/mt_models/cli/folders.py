"""Folders of runs: each run has its own numbered folder."""

from contextlib import suppress
from pathlib import Path

import click

from mt_models.training import LAST

RUNS = Path("runs")


def new_folder(problem: str, out: Path | None) -> Path:
    """Create the folder of a new run: `out`, or by default the next free `runs/PROBLEM-N`.

    Raises:
        click.UsageError: The folder `out` contains a run.
    """
    if out is None:
        return _next_folder(problem)
    if (out / LAST).exists():
        raise click.UsageError(
            f"{out} contains a run; continue it with --resume, or choose another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    return out


def _next_folder(problem: str) -> Path:
    """Create the next free folder, also if two runs start at the same time."""
    RUNS.mkdir(exist_ok=True)
    number = 1
    while True:
        folder = RUNS / f"{problem}-{number}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
        number += 1


def latest_folder(problem: str, out: Path | None) -> Path:
    """Return the folder of the run to resume: `out`, or by default the latest run.

    Raises:
        click.UsageError: There is no run.
    """
    if out is not None:
        return out
    checkpoints = list(RUNS.glob(f"{problem}-*/{LAST}"))
    if not checkpoints:
        raise click.UsageError(
            f"there is no run of {problem} in {RUNS}/ to resume; pass its folder with --out"
        )
    return max(checkpoints, key=lambda path: path.stat().st_mtime).parent
