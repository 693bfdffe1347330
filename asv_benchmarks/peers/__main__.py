"""The command `hatch run peers`."""

import fnmatch
import sys
from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.console import Console

from asv_benchmarks import conditions
from asv_benchmarks.contenders.names import NAMES, OURS
from asv_benchmarks.peers.measure import FULL, QUICK, Effort, Timing, WorkerError, measure, workers
from asv_benchmarks.peers.processes import ProcessRow, measure_processes, process_rows
from asv_benchmarks.peers.results import Result, Table
from asv_benchmarks.peers.roofline import Limits
from asv_benchmarks.peers.rows import Row, rows
from asv_benchmarks.peers.terminal import show

RESULTS = Path("runs") / "peers.json"
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
@click.option("--json", "path", type=click.Path(path_type=Path), default=RESULTS, show_default=True)
def main(
    pattern: str,
    rivals: str,
    ours: str,
    threads: int,
    quick: bool,
    race: bool,
    listing: bool,
    path: Path,
) -> None:
    """Measure ourselves beside the others and print the table.

    The exit code is 1 if a target that must be reached is missed by more than its spread, or if
    ours could not be measured.
    """
    only = {name for name in rivals.split(",") if name}
    if only - set(NAMES):
        raise click.BadParameter(f"--rivals: choose from {', '.join(NAMES)}")
    every: list[Row | ProcessRow] = [*rows(threads), *process_rows(ours, threads, race)]
    chosen = [_against(row, only) for row in every if fnmatch.fnmatch(row.key, pattern)]
    if listing:
        for row in chosen:
            click.echo(f"{row.key:32}{row.title}")
        return
    if not chosen:
        raise click.BadParameter(f"no row fits {pattern!r}; --list prints their keys")
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    table = _measure(chosen, ours, threads, QUICK if quick else FULL, console)
    show(table, console)
    table.write(path)
    incomplete = any(row.ours in row.absent for row in table.rows)
    sys.exit(1 if table.missed or incomplete else 0)


def _against(row: Row | ProcessRow, only: set[str]) -> Row | ProcessRow:
    """Return a row with these rivals alone; as it is if none are named."""
    if not only:
        return row
    targets = {name: target for name, target in row.targets.items() if name in only}
    return replace(row, targets=targets)


def _measure(
    chosen: list[Row | ProcessRow], ours: str, threads: int, effort: Effort, console: Console
) -> Table:
    """Measure row after row."""
    before = conditions.Conditions.now(threads)
    if before.load > conditions.QUIET:
        console.print(
            f"The load is {before.load:.1f}: other processes disturb what is measured now.",
            style="yellow",
        )
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
