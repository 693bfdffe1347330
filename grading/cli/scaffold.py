"""`scaffold` and `sync`: trees for learners, and copying of work between them."""

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
    help="Copy the work from a learner's earlier tree.",
)
def scaffold(module: str, out: Path, previous: Path | None) -> int:
    """Write a learner's tree of MODULE, such as module4, to the new folder OUT.

    The functions of all tasks are holes, and the tree contains no solutions.
    """
    names = {each.name: each.number for each in table().modules}
    if module not in names:
        raise click.UsageError(f"there is no module {module!r}; choose one of {', '.join(names)}")
    try:
        carried = write_tree(ROOT, names[module], out, table(), previous)
    except (ScaffoldError, NotATreeError, CannotLeaveOutError) as error:
        raise click.UsageError(str(error)) from error
    except SyncError as error:
        # The tree is complete, without the earlier work.
        click.echo(str(error), err=True)
        return exit_codes.FAILED
    click.echo(f"{out}: the tree of {module}; start with its README.md")
    if carried is not None:
        _show(carried)
    return exit_codes.OK


@click.command()
@click.argument("previous", type=FOLDER)
@click.argument("to", type=FOLDER, default=ROOT)
def sync(previous: Path, to: Path) -> int:
    """Copy the work in PREVIOUS, a tree of an earlier module, to TO; by default to this tree.

    If a file was changed in both trees, no file is copied.
    """
    try:
        carried = carry(previous, to, table())
    except NotATreeError as error:
        raise click.UsageError(str(error)) from error
    except SyncError as error:
        click.echo(str(error), err=True)
        return exit_codes.FAILED
    _show(carried)
    return exit_codes.OK


def _show(carried: SyncResult) -> None:
    """Write the result of a sync."""
    for path in carried.copied:
        click.echo(f"copied   {path}")
    for path in carried.same:
        click.echo(f"the same {path}")
    if not carried.copied and not carried.same:
        click.echo("no file was copied, because the previous tree has no changes")
    if carried.done:
        click.echo(f"done: {', '.join(task.marker for task in carried.done)}")
    if carried.open:
        click.echo(f"open: {', '.join(task.marker for task in carried.open)}")
