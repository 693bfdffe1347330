"""`scaffold` and `sync`: trees for learners, and work carried from one to the next."""

from pathlib import Path

import click

from grading.judge import exit_codes
from grading.paths import ROOT
from grading.scaffold import (
    CannotLeaveOutError,
    NotATreeError,
    ScaffoldError,
    SyncError,
    SyncResult,
    write_tree,
)
from grading.scaffold import sync as carry
from grading.tasks.table import table

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("module", metavar="MODULE")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "previous",
    type=FOLDER,
    metavar="PREVIOUS",
    help="Carry the work of a learner's earlier tree over.",
)
def scaffold(module: str, out: Path, previous: Path | None) -> int:
    """Write a learner's tree of MODULE, as in module4, into the new folder OUT.

    Every task is a hole in it, and nothing that would give one away is there.
    """
    names = {each.name: each.number for each in table().modules}
    if module not in names:
        raise click.UsageError(f"there is no {module!r}; choose one of {', '.join(names)}")
    try:
        carried = write_tree(ROOT, names[module], out, table(), previous)
    except (ScaffoldError, NotATreeError, CannotLeaveOutError) as error:
        raise click.UsageError(str(error)) from error
    except SyncError as error:
        # The tree is there; only the work is not.
        click.echo(str(error), err=True)
        return exit_codes.FAILED
    click.echo(f"{out}: the tree of {module}; its README.md tells how to begin")
    if carried is not None:
        _tell(carried)
    return exit_codes.OK


@click.command()
@click.argument("previous", type=FOLDER)
@click.argument("to", type=FOLDER, default=ROOT)
def sync(previous: Path, to: Path) -> int:
    """Carry the work in PREVIOUS, a tree of an earlier module, into TO; here by default.

    A file that was worked on in both is never overwritten: then nothing is copied at all.
    """
    try:
        carried = carry(previous, to, table())
    except NotATreeError as error:
        raise click.UsageError(str(error)) from error
    except SyncError as error:
        click.echo(str(error), err=True)
        return exit_codes.FAILED
    _tell(carried)
    return exit_codes.OK


def _tell(carried: SyncResult) -> None:
    """Say what a sync did."""
    for path in carried.copied:
        click.echo(f"copied   {path}")
    for path in carried.same:
        click.echo(f"the same {path}")
    if not carried.copied and not carried.same:
        click.echo("nothing was changed in the previous tree, so nothing is carried over")
    if carried.done:
        click.echo(f"carried over: {', '.join(task.marker for task in carried.done)}")
    if carried.open:
        click.echo(f"still open: {', '.join(task.marker for task in carried.open)}")
