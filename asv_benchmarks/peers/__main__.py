"""The command `hatch run peers`."""

import fnmatch
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.console import Console

from asv_benchmarks import conditions
from asv_benchmarks.contenders.names import AS_INSTALLED, BEST, NAMES, ONE_THREAD, OURS
from asv_benchmarks.contenders.settings import options_of, rival_of, settings_of
from asv_benchmarks.peers import against
from asv_benchmarks.peers.against import Change
from asv_benchmarks.peers.floors import with_floors
from asv_benchmarks.peers.measure import FULL, QUICK, Effort, Timing, WorkerError, measure, workers
from asv_benchmarks.peers.processes import ProcessRow, measure_processes, process_rows
from asv_benchmarks.peers.results import Result, Table
from asv_benchmarks.peers.roofline import Limits
from asv_benchmarks.peers.rows import Row, Target, rows
from asv_benchmarks.peers.search import Searches, absent, compile_ahead, search
from asv_benchmarks.peers.terminal import heading, show, show_changes
from asv_benchmarks.peers.trees import NoTreeError, trees

RESULTS = Path("runs")
STORED = Path(__file__).parents[2] / "docs" / "results" / "speed"
"""The folder of published results; each kind of processor has a folder in it."""

AS_TUNED = (AS_INSTALLED, ONE_THREAD)
"""Contenders that are the backend `tuned` under other conditions."""

WIDTH = 150
"""Width of the table in characters if the output is no terminal. Less wraps the rows."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--rows", "patterns", default="*", help="Rows whose key matches, such as 'conv2d-*,chain'."
)
@click.option(
    "--rivals",
    default="",
    help="Names of rivals, separated by commas; 'torch+fused' is one setting.",
)
@click.option(
    "--search",
    "searching",
    type=click.Choice(["missing", "again", "never", "only"]),
    help="Settings of the rivals: measure those that are missing (the default), all of them again, "
    "none (the default with --quick), or only these and no table.",
)
@click.option(
    "--compile",
    "compiling",
    is_flag=True,
    help="Only fill the cache of torch.compile: minutes, also on a busy machine.",
)
@click.option("--resume", is_flag=True, help="Keep the rows in the file that this commit measured.")
@click.option("--store", is_flag=True, help="Write the figures to docs/results/speed.")
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
    patterns: str,
    rivals: str,
    searching: str | None,
    compiling: bool,
    resume: bool,
    store: bool,
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

    The best setting of each rival is searched once for each kind of processor and row, and kept in
    docs/results/speed. The exit code is 1 if a required ratio is missed by more than its spread
    and our time exceeds 1.25 times that of the roofline, or if our backend could not be measured.

    With --against, compare the packages of this working tree with those of COMMIT, in the rows
    about steps and operations. The ratio is the older time divided by the newer one. The exit code
    is 1 if the median of a ratio is below 0.98 and its interquartile range is at most 0.03.
    """
    if race:
        click.echo("--race is now --time-to-accuracy; 0.3.0 will remove the old name", err=True)
    only = {name for name in rivals.split(",") if name}
    for name in only:
        if rival_of(name) not in NAMES:
            raise click.BadParameter(f"--rivals: choose from {', '.join(NAMES)}")
        try:
            options_of(name)
        except ValueError as error:
            raise click.BadParameter(f"--rivals: {error}") from error
    kind = conditions.kind_of_processor()
    workloads = rows(threads)
    every: list[Row | ProcessRow] = [
        *workloads,
        *process_rows(ours, threads, race or time_to_accuracy),
    ]
    chosen = [
        with_floors(_with_rivals(row, only, ours), kind, threads)
        for row in (workloads if commit else every)
        if any(fnmatch.fnmatch(row.key, pattern) for pattern in patterns.split(","))
    ]
    if listing:
        for row in chosen:
            click.echo(f"{row.key:32}{row.title}")
        return
    if not chosen:
        raise click.BadParameter(f"no row matches {patterns!r}; --list prints the keys")
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if commit:
        compared = [row for row in chosen if isinstance(row, Row)]
        effort = against.QUICK if quick else against.FULL
        sys.exit(_against(commit, compared, ours, threads, effort, console, path))
    results = STORED / kind
    searches = Searches(results / "rivals.json")
    compared = [row for row in chosen if isinstance(row, Row) and not _settings(only)]
    if compiling:
        compile_ahead(compared, threads, searches, click.echo)
        return
    if searching is None:
        searching = "never" if quick else "missing"
    if searching == "again":
        searches.forget(compared, threads)
    if searching != "never":
        search(compared, threads, searches, lambda line: console.print(line, highlight=False))
    for line in absent(compared):
        console.print(line, highlight=False)
    if searching == "only":
        return
    if path is None:
        named = "one-thread" if threads == 1 else f"{threads}-threads"
        path = results / f"{named}.json" if store else RESULTS / "peers.json"
    kept = Table.read(path) if resume and path.exists() else None
    effort = QUICK if quick else FULL
    table = _measure(chosen, ours, threads, effort, console, searches, path, kept)
    show(table, console)
    incomplete = any(row.ours in row.absent for row in table.rows)
    sys.exit(1 if table.missed or incomplete else 0)


def _with_rivals(row: Row | ProcessRow, only: set[str], ours: str) -> Row | ProcessRow:
    """Return a row restricted to the rivals in `only`; an empty set keeps all of its rivals."""
    targets = {
        name: target
        for name, target in row.targets.items()
        if (name in only or not only) and (name not in AS_TUNED or ours == "tuned")
    }
    if isinstance(row, Row):
        for name in _settings(only):
            if rival_of(name) in row.targets and name in settings_of(rival_of(name), row.workload):
                targets[name] = Target()
    return replace(row, targets=targets)


def _settings(only: Iterable[str]) -> list[str]:
    """Return the names that contain options."""
    return [name for name in only if rival_of(name) != name]


def _contenders(row: Row, ours: str, threads: int, searches: Searches) -> list[str]:
    """Return the contenders of a row: each rival in its best setting, PyTorch also as it starts."""
    names = [row.ours or ours]
    for rival in row.targets:
        if rival == BEST:
            continue
        if rival == "torch":
            names.append(rival)
        names.append(searches.best(row, threads, rival))
    return [*dict.fromkeys(names)]


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
    chosen: list[Row | ProcessRow],
    ours: str,
    threads: int,
    effort: Effort,
    console: Console,
    searches: Searches,
    path: Path,
    kept: Table | None,
) -> Table:
    """Measure all rows; write the table after each of them, and return it.

    Args:
        chosen: The rows.
        ours: The name of our backend.
        threads: The number of computing threads.
        effort: The amount of measurement.
        console: The terminal.
        searches: The best settings of the rivals.
        path: The file of the table.
        kept: A table whose rows are kept if this commit measured them in the same way.
    """
    before = _conditions(threads, console)
    table = Table(before.to_json(), {}, asdict(effort), ())
    done: dict[str, Result] = {}
    if kept is not None and _is_same(kept, table):
        table, done = kept, {row.key: row for row in kept.rows}
        console.print(f"kept: {len(done)} rows of {path}", highlight=False)
    with workers(threads) as started:
        limits: Limits | None = None
        if any(isinstance(row, Row) and row.key not in done for row in chosen):
            limits = started["numpy"].limits()
            table = replace(table, limits=asdict(limits))
        for row in chosen:
            if row.key in done:
                continue
            timings: dict[str, Timing] = {}
            notes: list[str] = []
            try:
                with console.status(row.title):
                    if isinstance(row, Row):
                        contenders = _contenders(row, ours, threads, searches)
                        timings = measure(row, contenders, started, effort)
                    else:
                        timings, notes = measure_processes(row, threads, effort.rounds)
            except WorkerError as error:
                notes.append(f"{row.key} failed: {error}")
            missing = [f"not measured: {why}" for why in started.absent().values()]
            done[row.key] = Result.of(row, row.ours or ours, timings, threads, limits)
            # In the order of the list, also if rows of an earlier run are kept.
            ordered = sorted(done, key=[one.key for one in chosen].index)
            table = replace(
                table,
                versions={**table.versions, **started.versions()},
                rows=tuple(done[key] for key in ordered),
                notes=tuple(dict.fromkeys((*table.notes, *notes, *missing))),
                load_after=round(conditions.load(), 2),
            )
            table.write(path)
    return table


def _is_same(kept: Table, now: Table) -> bool:
    """Return True if a table was measured on this machine, at this commit and as accurately."""
    a, b = kept.conditions, now.conditions
    # A file of results that is not committed yet marks the commit as changed.
    same = a["commit"].rstrip("+") == b["commit"].rstrip("+")
    parts = ("kind", "threads", "python")
    return same and kept.effort == now.effort and all(a.get(one) == b[one] for one in parts)


if __name__ == "__main__":
    main()
