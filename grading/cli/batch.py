"""`grade --batch`: options of a class, and the options of `grade` for each submission."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from grading.batch.command import grade_batch, results_folder
from grading.batch.engine import Settings
from grading.batch.find import BatchError, Entry, find_submissions
from grading.batch.store import Store
from grading.cli.files import not_writable
from grading.cli.regrade import write_marks
from grading.judge.exit_codes import HARNESS
from grading.judge.run import draw_seed
from grading.paths import ROOT
from grading.policy.load import Course, PolicyError
from grading.similar.compare import SimilarError, similar_pairs, tool, work_of
from grading.similar.pages import write_pages
from grading.tasks.model import Task
from grading.tasks.table import table


def grade_class(
    batch: Path,
    tasks: Sequence[Task],
    options: Sequence[str],
    *,
    jobs: int | None,
    scheduler: str | None,
    out: Path | None,
    seed: int | None,
    csv: Path | None,
    course: Course | None = None,
    into: Sequence[Path] = (),
    similar: bool = False,
    earlier: Sequence[Path] = (),
) -> int:
    """Grade every submission in a folder; return the exit code.

    Args:
        batch: The folder.
        tasks: The tasks to judge; empty for all tasks.
        options: Options of `grade` for each submission.
        jobs: Number of submissions to grade at the same time.
        scheduler: The address of a Dask scheduler.
        out: The folder for results; beside `batch` by default.
        seed: The seed of the class.
        csv: A further path for the table of the class.
        course: The policy of the course, whose marks are written after the grading.
        into: Exports of Canvas or Moodle to fill in.
        similar: True to compare the functions of the submissions.
        earlier: Folders with the submissions of earlier years, for this comparison.

    Raises:
        click.UsageError: There are no submissions, or the scheduler does not answer.
    """
    try:
        # For a mistyped folder, no folder for results is made.
        entries = find_submissions(batch)
        before = [(folder, find_submissions(folder)) for folder in earlier]
        python = tool() if similar else None
    except (BatchError, SimilarError) as error:
        raise click.UsageError(str(error)) from None
    folder = out or results_folder(batch)
    try:
        store = Store(folder)
        seed = store.seed(seed, draw_seed())
    except OSError as error:
        raise click.UsageError(
            f"{not_writable(folder, error)}; free disk space, or choose another folder with --out"
        ) from None
    judged = tasks or table().tasks
    settings = Settings(
        root=ROOT,
        arguments=(*(task.marker for task in tasks), *options, "--seed", str(seed)),
        seconds=sum(task.seconds for task in (*judged, *table().needed_by(judged))),
    )
    try:
        code = grade_batch(entries, settings, store, seed, jobs=jobs, scheduler=scheduler, csv=csv)
        if course is not None:
            click.echo()
            code = max(code, write_marks(course, store, None, into, datetime.now(UTC)))
    except (BatchError, PolicyError) as error:
        raise click.UsageError(str(error)) from None
    if python is None:
        return code
    try:
        _compare(entries, before, tasks, python, store.folder / "similar")
    except SimilarError as error:
        click.echo(f"similar work: {error}; the results of the grading are complete", err=True)
        return HARNESS
    return code


def _compare(
    entries: Sequence[Entry],
    earlier: Sequence[tuple[Path, Sequence[Entry]]],
    tasks: Sequence[Task],
    python: Path,
    folder: Path,
) -> None:
    """Compare the functions of a class, and write the similar pairs to a folder.

    Raises:
        SimilarError: The comparison failed.
    """
    works = [work_of(entry, tasks, table()) for entry in entries]
    for path, before in earlier:
        works += [work_of(entry, tasks, table(), path.resolve().name) for entry in before]
    pairs = similar_pairs(works, python)
    page = write_pages(folder, works, pairs)
    compared = sum(bool(work.text) for work in works)
    click.echo(
        f"similar work: {len(pairs)} of the pairs of {compared} submissions have similar "
        f"functions, which is no proof of copying: {page}"
    )
