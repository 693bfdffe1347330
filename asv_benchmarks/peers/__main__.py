"""The command `hatch run peers`."""

import fnmatch
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.console import Console

from asv_benchmarks import conditions
from asv_benchmarks.contenders.names import AS_INSTALLED, NAMES, OURS
from asv_benchmarks.peers import against
from asv_benchmarks.peers.against import Change
from asv_benchmarks.peers.measure import FULL, QUICK, Effort, Timing, WorkerError, measure, workers
from asv_benchmarks.peers.processes import ProcessRow, measure_processes, process_rows
from asv_benchmarks.peers.results import Result, Table
from asv_benchmarks.peers.roofline import Limits
from asv_benchmarks.peers.rows import Row, rows
from asv_benchmarks.peers.terminal import heading, show, show_changes
from asv_benchmarks.peers.trees import NoTreeError, trees

RESULTS = Path("runs")
WIDTH = 120
"""Width of the table in characters if the output is no terminal. Less wraps the rows."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", "pattern", default="*", help="Rows whose key matches, such as 'conv2d-*'.")
@click.option("--rivals", default="", help="Names of rivals, separated by commas.")
@click.option(
    "--ours", type=click.Choice(OURS), default="tuned", help="The backend of ours to measure."
)
@click.option(
    "--threads", type=click.IntRange(1), default=1, help="Number of threads for all contenders."
)
@click.option("--quick", is_flag=True, help="Few short rounds: imprecise figures.")
@click.option(
    "--time-to-accuracy",
    is_flag=True,
    help="Also train on all of MNIST to an accuracy of 98 %; takes minutes.",
)
@click.option("--race", is_flag=True, hidden=True)
@click.option("--list", "listing", is_flag=True, help="Print the keys of the rows and exit.")
@click.option(
    "--against",
    "commit",
    metavar="COMMIT",
    help="Compare with an older commit, in alternating turns.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(path_type=Path),
    help="File for the figures.  [default: runs/peers.json, or runs/against.json]",
)
def main(
    pattern: str,
    rivals: str,
    ours: str,
    threads: int,
    quick: bool,
    time_to_accuracy: bool,
    race: bool,
    listing: bool,
    commit: str | None,
    path: Path | None,
) -> None:
    """Compare our speed with other frameworks and print a table.

    The exit code is 1 if a required ratio is missed by more than its spread, or if our backend
    could not be measured.

    With --against, compare the packages of this working tree with those of COMMIT, in the rows
    about steps and operations. The ratio is the older time divided by the newer one. The exit code
    is 1 if the median of a ratio is below 0.98 and its interquartile range is at most 0.03.
    """
    if race:
        click.echo("--race is now --time-to-accuracy; 0.3.0 will remove the old name", err=True)
    only = {name for name in rivals.split(",") if name}
    if only - set(NAMES):
        raise click.BadParameter(f"--rivals: choose from {', '.join(NAMES)}")
    workloads = rows(threads)
    every: list[Row | ProcessRow] = [
        *workloads,
        *process_rows(ours, threads, race or time_to_accuracy),
    ]
    chosen = [
        _with_rivals(row, only, ours)
        for row in (workloads if commit else every)
        if fnmatch.fnmatch(row.key, pattern)
    ]
    if listing:
        for row in chosen:
            click.echo(f"{row.key:32}{row.title}")
        return
    if not chosen:
        raise click.BadParameter(f"no row matches {pattern!r}; --list prints the keys")
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if commit:
        compared = [row for row in chosen if isinstance(row, Row)]
        effort = against.QUICK if quick else against.FULL
        sys.exit(_against(commit, compared, ours, threads, effort, console, path))
    table = _measure(chosen, ours, threads, QUICK if quick else FULL, console)
    show(table, console)
    table.write(path or RESULTS / "peers.json")
    incomplete = any(row.ours in row.absent for row in table.rows)
    sys.exit(1 if table.missed or incomplete else 0)


def _with_rivals(row: Row | ProcessRow, only: set[str], ours: str) -> Row | ProcessRow:
    """Return a row restricted to the rivals in `only`; an empty set keeps all of its rivals."""
    targets = {
        name: target
        for name, target in row.targets.items()
        if (name in only or not only) and (name != AS_INSTALLED or ours == "tuned")
    }
    return replace(row, targets=targets)


def _against(
    commit: str,
    chosen: Sequence[Row],
    ours: str,
    threads: int,
    effort: Effort,
    console: Console,
    path: Path | None,
) -> int:
    """Compare this working tree with a commit, print and write the result; return the exit code."""
    before = _conditions(threads, console)
    changes: list[Change] = []
    try:
        with (
            trees(commit) as (old_tree, new_tree),
            workers(threads, old_tree) as old,
            workers(threads, new_tree) as new,
        ):
            for row in chosen:
                name = row.ours or ours
                try:
                    with console.status(row.title):
                        changes.append(against.compare(row, old[name], new[name], threads, effort))
                except WorkerError as error:
                    changes.append(Change(row.key, row.title, row.group, error=str(error)))
            versions = new.versions()
    except NoTreeError as error:
        raise click.BadParameter(f"--against: {error}") from error
    measured = before.to_json()
    console.print(heading(measured, versions, asdict(effort)), highlight=False)
    show_changes(changes, commit, console)
    against.write(path or RESULTS / "against.json", commit, measured, effort, changes)
    return int(any(change.fails for change in changes))


def _conditions(threads: int, console: Console) -> conditions.Conditions:
    """Return the conditions before a measurement, and print a warning if the machine is busy."""
    before = conditions.Conditions.now(threads)
    if before.load > conditions.IDLE_LOAD:
        console.print(
            f"The load is {before.load:.1f}: other processes disturb the measurement.",
            style="yellow",
        )
    return before


def _measure(
    chosen: list[Row | ProcessRow], ours: str, threads: int, effort: Effort, console: Console
) -> Table:
    """Measure all rows and return the table."""
    before = _conditions(threads, console)
    results: list[Result] = []
    notes: list[str] = []
    limits: Limits | None = None
    with workers(threads) as started:
        if any(isinstance(row, Row) for row in chosen):
            limits = started["numpy"].limits()
        for row in chosen:
            timings: dict[str, Timing] = {}
            try:
                with console.status(row.title):
                    if isinstance(row, Row):
                        contenders = [*dict.fromkeys((row.ours or ours, *row.targets))]
                        timings = measure(row, contenders, started, effort)
                    else:
                        timings, printed = measure_processes(row, threads, effort.rounds)
                        notes += printed
            except WorkerError as error:
                notes.append(f"{row.key} failed: {error}")
            results.append(Result.of(row, row.ours or ours, timings, threads, limits))
        versions = started.versions()
    return Table(
        conditions=before.to_json(),
        versions=versions,
        effort=asdict(effort),
        rows=tuple(results),
        load_after=round(conditions.load(), 2),
        notes=tuple(notes),
        limits=asdict(limits) if limits else {},
    )


if __name__ == "__main__":
    main()
