"""`scaffold` and `sync`: trees for learners, and copying of work between them."""

from pathlib import Path

import click

from grading.cli.files import GivenPath, not_writable
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
from grading.scaffold.documents import state_of_earlier
from grading.tasks.table import table

FOLDER = GivenPath(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("module", metavar="MODULE")
@click.argument("out", type=GivenPath(path_type=Path))
@click.option(
    "--from",
    "previous",
    type=FOLDER,
    metavar="PREVIOUS",
    help="Copy the learner's work on earlier modules from a folder.",
)
@click.option(
    "--solved-before", is_flag=True, help="Leave the functions of earlier modules as they work."
)
def scaffold(module: str, out: Path, previous: Path | None, solved_before: bool) -> int:
    """Write a learner's tree of MODULE, such as module4, to the new folder OUT.

    The functions of all tasks are holes, those of earlier modules included: a learner copies
    earlier work with --from or `sync`. With --solved-before, the tree contains the solutions of
    earlier modules.
    """
    names = {each.name: each.number for each in table().modules}
    if module not in names:
        raise click.UsageError(f"there is no module {module!r}; choose one of {', '.join(names)}")
    if previous is not None and solved_before:
        raise click.UsageError(
            "--from copies the learner's earlier work, and --solved-before writes ours: use one"
        )
    try:
        carried = write_tree(
            ROOT, names[module], out, table(), previous, solved_before=solved_before
        )
    except (ScaffoldError, NotATreeError, CannotLeaveOutError) as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"OUT = {not_writable(out, error)}; name another folder") from error
    except SyncError as error:
        # The tree is complete, without the earlier work.
        click.echo(str(error), err=True)
        return exit_codes.FAILED
    click.echo(f"{out}: the tree of {module}{_earlier(names[module], solved_before)}")
    click.echo(f"start with {out / 'README.md'}")
    if carried is not None:
        _show(carried)
    return exit_codes.OK


@click.command()
@click.argument("previous", type=FOLDER)
@click.argument("to", type=FOLDER, default=ROOT)
def sync(previous: Path, to: Path) -> int:
    """Copy the work in PREVIOUS, a tree of an earlier module, to TO; by default to this tree.

    If a file was changed in both trees, no file is copied. A folder may also be one that `scaffold`
    did not write: then files with written functions are copied, and overwritten files are kept in
    TO/before-sync.
    """
    try:
        carried = carry(previous, to, table())
    except NotATreeError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(
            f"the work cannot be copied to {to}: {error.strerror} ({error.filename}); name another "
            "folder"
        ) from error
    except SyncError as error:
        click.echo(str(error), err=True)
        return exit_codes.FAILED
    _show(carried)
    return exit_codes.OK


def _earlier(module: int, solved_before: bool) -> str:
    """Return the state of earlier functions for the first line of output; empty for module 0."""
    if module == 0:
        return ""
    state = state_of_earlier(module, solved_before)
    other = (
        "without --solved-before they are open"
        if solved_before
        else ("with --solved-before they are written and work")
    )
    return f". {state}; {other}"


def _show(carried: SyncResult) -> None:
    """Write the result of a sync."""
    for text in carried.recognised:
        click.echo(f"recognised: {text}; files with written functions count as work")
    for path in carried.copied:
        click.echo(f"copied   {path}")
    if carried.kept is not None:
        click.echo(f"overwritten files are kept in {carried.kept}")
    for path in carried.same:
        click.echo(f"the same {path}")
    if not carried.copied and not carried.same:
        click.echo("no file was copied, because the previous tree has no changes")
    if carried.done:
        click.echo(f"done: {', '.join(task.marker for task in carried.done)}")
    if carried.open:
        click.echo(f"open: {', '.join(task.marker for task in carried.open)}")
