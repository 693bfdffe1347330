"""Folders of runs on the command line: new ones, and those that the user names."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mt_models.cli.errors import reason, shown_path
from mt_models.runs import RUNS, StoredRun, files_of_run, find_runs, read_run
from mt_models.training import LAST, finished

__all__ = [
    "RUNS",
    "GivenPath",
    "RunPath",
    "check_folder",
    "complete_run",
    "find_run",
    "latest_folder",
    "new_folder",
    "saving_in",
]


class GivenPath(click.Path):
    """A path that is not empty."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the path. The empty one, which would be the current folder, is an error."""
        if not os.fspath(value):
            self.fail("the path is empty; pass a path, or . for the current folder", param, ctx)
        return super().convert(value, param, ctx)


class RunPath(click.Path):
    """The path of a run's folder or of a checkpoint, or the name of a run in `runs/`."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the path; if there is none, the error lists the runs."""
        # Path.exists raises for a long text.
        if os.path.exists(value):  # noqa: PTH110
            return super().convert(value, param, ctx)
        return str(find_run(os.fspath(value)).folder)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Return the folders of runs that begin with a text, and files."""
        return complete_run(ctx, param, incomplete)


@contextmanager
def saving_in(folder: Path) -> Iterator[None]:
    """Turn an error of the system in a block, which prepares a run's folder, into a usage error.

    Raises:
        click.UsageError: The block raised an OSError; the message names folder, reason, way out.
    """
    try:
        yield
    except OSError as error:
        why = reason(error)
        if isinstance(error, FileNotFoundError):
            # The folders above are created, too: the file system has no ordinary folders.
            why = "the file system allows no new files there"
        raise click.UsageError(
            f"the run cannot be saved in {shown_path(folder)}: {why}; choose another folder with "
            "--out"
        ) from error


def check_folder(problem: str, folder: Path) -> None:
    """Check that a run would overwrite no file in a folder.

    Raises:
        click.UsageError: The folder contains a run, or a file with the name of one of a run's.
    """
    if (folder / LAST).exists():
        raise click.UsageError(
            f"{folder} contains a run; continue it with --resume, or choose another folder"
        )
    for name in files_of_run(problem):
        if (folder / name).exists():
            raise click.UsageError(
                f"{folder} contains the file {name}, which the run would overwrite; choose another "
                "folder, or move the file"
            )


def new_folder(problem: str, out: Path | None) -> Path:
    """Create the folder of a new run: `out`, or by default the next `runs/PROBLEM-N`."""
    if out is None:
        return _next_folder(problem)
    out.mkdir(parents=True, exist_ok=True)
    return out


def _next_folder(problem: str) -> Path:
    """Create the folder after the last one, also if two runs start at the same time."""
    RUNS.mkdir(exist_ok=True)
    names = [re.fullmatch(rf"{problem}-(\d+)", path.name) for path in RUNS.iterdir()]
    number = 1 + max((int(name[1]) for name in names if name), default=0)
    while True:
        folder = RUNS / f"{problem}-{number}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
        number += 1


def latest_folder(problem: str, out: Path | None, settings: dict[str, int]) -> Path:
    """Return the folder of the run to resume: `out`, or by default the latest unfinished run.

    Args:
        problem: The name of the problem.
        out: The folder that the user named.
        settings: Settings that replace those of the run, such as `epochs`.

    Raises:
        click.UsageError: There is no run, or all runs are finished.
    """
    if out is not None:
        return out
    runs = [run for run in find_runs()[0] if run.recipe.problem == problem]
    if not runs:
        raise click.UsageError(
            f"there is no run of {problem} in {RUNS}/ to resume; pass its folder with --out"
        )
    for run in reversed(runs):
        if not finished(run.progress, replace(run.settings, **settings)):
            return run.folder
    last = runs[-1]
    raise click.UsageError(
        f"all runs of {problem} in {RUNS}/ are finished; the latest, {last.folder}, has "
        f"{len(last.progress.records)} epochs: pass more with --epochs, or a folder with --out"
    )


def find_run(name: str) -> StoredRun:
    """Read a run by its path, or by its name in `runs/`.

    Raises:
        click.UsageError: There is no such run.
    """
    for folder in (Path(name), RUNS / name) if name else ():
        # Path.is_file raises for a long name.
        if os.path.isfile(folder / LAST):  # noqa: PTH113
            return read_run(folder)
    names = [run.name for run in find_runs()[0]]
    found = f"{RUNS}/ contains {', '.join(names) or 'no run'}"
    what = f"there is no run {shown_path(name)}" if name else "the name of the run is empty"
    raise click.UsageError(f"{what}; {found}; pass a name or a folder")


def complete_run(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    """Return the folders of runs that begin with a text, and files, for the shell's completion."""
    paths = [str(path.parent) for path in sorted(RUNS.glob(f"*/{LAST}"))]
    found = [click.shell_completion.CompletionItem(p) for p in paths if p.startswith(incomplete)]
    return found or [click.shell_completion.CompletionItem(incomplete, type="file")]
