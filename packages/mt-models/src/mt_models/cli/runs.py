"""The command `runs`: list, compare, delete and export stored runs."""

import json
import os
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from mt_models.cli.errors import reason, shown_path
from mt_models.cli.examples import CommandWithExamples, typed_form
from mt_models.cli.folders import GivenPath, complete_run, find_run
from mt_models.runs import (
    RUNS,
    StoredRun,
    delete_run,
    find_runs,
    write_csv,
    write_tensorboard,
)

WIDE = 200
"""The width of tables that are not shown in a terminal, in characters."""


@click.group(invoke_without_command=True)
@click.pass_context
def runs(ctx: click.Context) -> None:
    """List, compare, delete and export training runs.

    Without a command, the runs in the folder `runs` are listed. A RUN is a name in that folder, or
    the path of another folder.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_runs)


_json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_run_arguments = click.argument(
    "names", nargs=-1, required=True, metavar="RUN...", shell_complete=complete_run
)


@runs.command(name="list")
@_json_option
def list_runs(as_json: bool = False) -> None:
    """List the runs, the one that was saved last at the end."""
    found, errors = find_runs()
    if as_json:
        click.echo(json.dumps([run.to_json() for run in found], indent=2))
    elif not found and not errors:
        click.echo(f"{RUNS}/ contains no run; train one with `{typed_form()} train mnist`")
    elif found:
        console = _console()
        table, left_out = _fitting(console, found)
        console.print(table)
        if left_out:
            console.print(f"A wider terminal shows {', '.join(left_out)}, too.", style="dim")
    for error in errors:
        click.echo(f"Warning: {error}", err=True)


@runs.command(cls=CommandWithExamples, epilog="{program} runs compare mnist-1 mnist-2")
@click.argument("first", metavar="RUN", shell_complete=complete_run)
@click.argument("second", metavar="RUN", shell_complete=complete_run)
@_json_option
def compare(first: str, second: str, as_json: bool) -> None:
    """Compare two runs: the options that differ, and the epochs."""
    pair = find_run(first), find_run(second)
    options = [{"problem": run.recipe.problem, **run.values()} for run in pair]
    names = dict.fromkeys([*options[0], *options[1]])
    different = {
        name: [each.get(name) for each in options]
        for name in names
        if options[0].get(name) != options[1].get(name)
    }
    if as_json:
        runs_of = [run.to_json() for run in pair]
        click.echo(json.dumps({"runs": runs_of, "different_options": different}, indent=2))
        return
    console = _console()
    table = Table(box=None)
    for heading in ("", *(str(run.folder) for run in pair)):
        table.add_column(heading, overflow="fold")
    for name, values in different.items():
        table.add_row(name.replace("_", " "), *("" if v is None else f"{v}" for v in values))
    table.add_row("best epoch", *(_metric(run, best=True) for run in pair))
    table.add_row(
        "seconds", *(f"{sum(r.seconds for r in run.progress.records):.1f}" for run in pair)
    )
    epochs = zip_longest(*(run.progress.records for run in pair))
    for number, records in enumerate(epochs, 1):
        cells = (
            f"loss {record.validation_loss:.4f}, {record.validation_accuracy:.2%}" if record else ""
            for record in records
        )
        table.add_row(f"epoch {number}", *cells)
    console.print(table)


@runs.command(cls=CommandWithExamples, epilog="{program} runs delete mnist-1 mnist-2 --yes")
@_run_arguments
@click.option("--yes", is_flag=True, help="Delete without a question.")
def delete(names: Sequence[str], yes: bool) -> None:
    """Delete runs. Files that are not those of the run stay."""
    chosen = [find_run(name) for name in names]
    if not yes:
        folders = ", ".join(str(run.folder) for run in chosen)
        click.confirm(f"Delete {folders}?", abort=True)
    for run in chosen:
        left = delete_run(run)
        kept = f"; kept: {', '.join(path.name for path in left)}" if left else ""
        click.echo(f"deleted {run.folder}{kept}")


@runs.command(
    cls=CommandWithExamples,
    epilog="{program} runs export mnist-1 mnist-2 --csv epochs.csv\n"
    "{program} runs export mnist-1 --tensorboard events",
)
@_run_arguments
@click.option(
    "--csv",
    "table",
    type=GivenPath(dir_okay=False, path_type=Path),
    help="Write a new CSV file with a row for each epoch.",
)
@click.option(
    "--tensorboard",
    "events",
    type=GivenPath(file_okay=False, path_type=Path),
    help="Write event files for TensorBoard into a folder.",
)
def export(names: Sequence[str], table: Path | None, events: Path | None) -> None:
    """Export the epochs of runs as CSV or for TensorBoard."""
    if table is None and events is None:
        raise click.UsageError("pass --csv FILE or --tensorboard FOLDER")
    chosen = [find_run(name) for name in names]
    if table is not None:
        try:
            write_csv(chosen, table)
        except FileExistsError:
            raise click.UsageError(f"{table} exists; choose another file") from None
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not table.parent.exists():
                raise click.UsageError(
                    f"the folder {table.parent} does not exist; create it, or choose another file"
                ) from None
            raise click.UsageError(_not_writable(table, error, "file")) from error
        click.echo(f"{table}: {sum(len(run.progress.records) for run in chosen)} epochs")
    if events is not None:
        try:
            write_tensorboard(chosen, events)
        except OSError as error:
            if error.errno is None:
                raise  # A message of this program.
            raise click.UsageError(_not_writable(events, error, "folder")) from error
        click.echo(f"{events}/: show it with `tensorboard --logdir {events}`")


def _not_writable(path: Path, error: OSError, kind: str) -> str:
    why = "the file system refuses it" if isinstance(error, FileNotFoundError) else reason(error)
    return f"{shown_path(path)} cannot be written: {why}; choose another {kind}"


def _fitting(console: Console, found: Sequence[StoredRun]) -> tuple[Table, list[str]]:
    """Return the table of the runs, and the columns that do not fit into the console."""
    columns = {
        "run": [run.name for run in found],
        "state": [run.state for run in found],
        "epochs": [f"{len(run.progress.records)} of {run.settings.epochs}" for run in found],
        "best": [_metric(run, best=True) for run in found],
        "last": [_metric(run, best=False) for run in found],
        "saved (UTC)": [run.saved[:16].replace("T", " ") for run in found],
    }
    left_out: list[str] = []
    for name in ("", "saved (UTC)", "last", "epochs", "state"):
        if columns.pop(name, None) is not None:
            left_out.insert(0, name)
        table = Table(box=None)
        for heading in columns:
            table.add_column(heading, overflow="fold")
        for row in zip(*columns.values(), strict=True):
            table.add_row(*row)
        whole = console.options.update_width(1000)
        if console.measure(table, options=whole).maximum <= console.width:
            break
    return table, left_out


def _metric(run: StoredRun, *, best: bool) -> str:
    """Return the accuracy, or the loss of a language model, of the best or the last epoch."""
    records = run.progress.records
    record = run.progress.best if best else (records[-1] if records else None)
    if record is None:
        return ""
    if run.progress.metric == "loss":
        return f"loss {record.validation_loss:.4f} ({record.epoch})"
    return f"{record.validation_accuracy:.2%} ({record.epoch})"


def _console() -> Console:
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # A row of a file or a pipe is one line.
        console.width = WIDE
    return console
