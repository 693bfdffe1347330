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
"""Columns of the table where there is no terminal to ask."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", "pattern", default="*", help="Only rows whose key fits, as in 'conv2d-*'.")
@click.option("--rivals", default="", help="Only these rivals, names with commas between.")
@click.option("--ours", type=click.Choice(OURS), default="tuned", help="Which of our backends.")
@click.option("--threads", type=click.IntRange(1), default=1, help="Threads for everybody.")
@click.option("--quick", is_flag=True, help="Few short rounds: to look, not to quote.")
@click.option("--race", is_flag=True, help="Train on all of MNIST to 98 %, too: takes minutes.")
@click.option("--list", "listing", is_flag=True, help="Print the keys of the rows and end.")
@click.option(
    "--against", "commit", metavar="COMMIT", help="Compare with an older commit, in turn with it."
)
@click.option(
    "--json",
    "path",
    type=click.Path(path_type=Path),
    help="Where to write the figures.  [default: runs/peers.json, or runs/against.json]",
)
def main(
    pattern: str,
    rivals: str,
    ours: str,
    threads: int,
    quick: bool,
    race: bool,
    listing: bool,
    commit: str | None,
    path: Path | None,
) -> None:
    """Measure ourselves beside the others and print the table.

    The exit code is 1 if a target that must be reached is missed by more than its spread, or if
    ours could not be measured.

    With --against, the packages of this working tree are measured beside those of COMMIT instead,
    in the rows about steps and operations. The ratio is the older time by the newer one. The exit
    code is 1 if the median of a ratio is below 0.98 and its interquartile range at most 0.03.
    """
    only = {name for name in rivals.split(",") if name}
    if only - set(NAMES):
        raise click.BadParameter(f"--rivals: choose from {', '.join(NAMES)}")
    workloads = rows(threads)
    every: list[Row | ProcessRow] = [*workloads, *process_rows(ours, threads, race)]
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
        raise click.BadParameter(f"no row fits {pattern!r}; --list prints their keys")
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
    """Return a row with these rivals alone; with all of its own if none are named."""
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
    """Compare this working tree with a commit, print and write it; return the exit code."""
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
    told = before.to_json()
    console.print(heading(told, versions, asdict(effort)), highlight=False)
    show_changes(changes, commit, console)
    against.write(path or RESULTS / "against.json", commit, told, effort, changes)
    return int(any(change.fails for change in changes))


def _conditions(threads: int, console: Console) -> conditions.Conditions:
    """Return the conditions before a measurement, with a warning if the machine is not idle."""
    before = conditions.Conditions.now(threads)
    if before.load > conditions.QUIET:
        console.print(
            f"The load is {before.load:.1f}: other processes disturb what is measured now.",
            style="yellow",
        )
    return before


def _measure(
    chosen: list[Row | ProcessRow], ours: str, threads: int, effort: Effort, console: Console
) -> Table:
    """Measure row after row."""
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
                        timings, told = measure_processes(row, threads, effort.rounds)
                        notes += told
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
