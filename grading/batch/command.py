"""`grade --batch`: grade a class and write its table."""

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from grading.batch import same_failures, summary
from grading.batch.cluster import connected
from grading.batch.engine import Executor, Settings, grade_all, local_executor
from grading.batch.find import BatchError, Entry
from grading.batch.store import REPORT, Grade, Store
from grading.judge.exit_codes import FAILED, HARNESS, OK
from grading.judge.records import RecordError, Report, from_json

TABLE = "class.csv"
SAME_FAILURES = "same-failures.txt"


class BatchConsole(Console):
    """Console that prints nothing more after an error of writing, so that the grading continues."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; warn once if the output cannot be written, as on a full disk."""
        try:
            super().print(*objects, **options)
        except OSError as error:
            click.echo(f"Warning: the output cannot be written: {error.strerror}", err=True)
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Print nothing more, after a closed pipe."""
        self.quiet = True
        # Python writes the rest of the buffer at the end of the process.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def results_folder(batch: Path) -> Path:
    """Return the default folder for the results of a batch, beside it."""
    whole = batch.absolute()
    return whole.parent / f"{whole.name}-results"


def grade_batch(
    entries: Sequence[Entry],
    settings: Settings,
    store: Store,
    seed: int,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    csv: Path | None = None,
    console: Console | None = None,
) -> int:
    """Grade submissions; return the exit code.

    Args:
        entries: The submissions.
        settings: Options of the grading.
        store: The store of the results.
        seed: The seed of the class.
        jobs: Number of jobs at the same time; by default half the number of cores, because each
            grader has a worker.
        scheduler: The address of a Dask scheduler; None to run the jobs on this machine.
        csv: A further path for the table of the class.
        console: The console for progress and table.

    Raises:
        BatchError: The scheduler does not answer, or results could not be written. Then they are
            printed before.
    """
    console = console or BatchConsole()
    with ExitStack() as stack:
        executor: Executor
        if scheduler is not None:
            executor = cluster = stack.enter_context(connected(scheduler))
            at_a_time = jobs or cluster.machines
        else:
            at_a_time = jobs or max(1, (os.cpu_count() or 1) // 2)
            executor = stack.enter_context(local_executor(at_a_time))
        bar = stack.enter_context(_bar(console))
        task = bar.add_task("grading", total=len(entries))

        def progress(entry: Entry, grade: Grade, known: bool) -> None:
            bar.advance(task)
            outcome = "graded before" if known else grade.outcome
            bar.update(task, description=f"{entry.name}: {outcome}")
            if not console.is_terminal:
                console.print(f"{entry.name}: {outcome}", markup=False, highlight=False)

        grades = grade_all(entries, settings, store, executor, progress, at_a_time)
    rows = [summary.Row(grade, _report(store, key)) for key, grade in grades.items()]
    _write_summary(rows, store, seed, csv, console)
    if store.unsaved:
        raise BatchError(
            "not all results are saved; free disk space, then run the command again, which grades "
            "only what is missing:\n  " + "\n  ".join(store.unsaved.values())
        )
    return _code(rows)


def _write_summary(
    rows: list[summary.Row], store: Store, seed: int, csv: Path | None, console: Console
) -> None:
    by_name = {row.grade.name: same_failures.failures(row.report) for row in rows if row.report}
    pairs = same_failures.similar_pairs(by_name)
    others = Counter(name for pair in pairs for name in pair.names)
    table = summary.as_csv(rows, seed)
    store.write(store.folder / TABLE, table)
    store.write(store.folder / SAME_FAILURES, same_failures.as_text(pairs).encode())
    # The name of this file in earlier versions.
    (store.folder / "similar.txt").unlink(missing_ok=True)
    if csv is not None:
        store.write(csv, table)
    console.print(summary.as_table(rows, others))
    counted = Counter(row.grade.outcome for row in rows)
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counted.items()))
    # Without markup and line breaks, so that paths can be copied.
    totals = (f"\n{outcomes}; seed {seed}", f"results: {store.folder}")
    for line in (*summary.durations(rows), *totals):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _report(store: Store, key: str) -> Report | None:
    try:
        return from_json(store.read(key, REPORT))
    except (OSError, RecordError):
        return None


def _code(rows: list[summary.Row]) -> int:
    if any(row.grade.outcome == "grader failed" for row in rows):
        return HARNESS
    # A folder without a submission counts as failed.
    return OK if all(row.grade.code == OK and row.report for row in rows) else FAILED


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
