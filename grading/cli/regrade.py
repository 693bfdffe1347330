"""`regrade`: marks of a graded class under a policy, from stored reports; nothing runs."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table as Grid

from grading.batch.store import Store
from grading.cli.files import GivenPath
from grading.cli.policy import POLICY_FILE, loaded
from grading.judge.exit_codes import FAILED, OK
from grading.policy.apply import without_effect
from grading.policy.exports.grades import Filled
from grading.policy.hand_ins import parsed_time
from grading.policy.load import Course, PolicyError
from grading.policy.marks import Marked, mark_class
from grading.policy.regrade import MADE, MARKS, Output, anonymised, open_marks
from grading.reports import words
from grading.reports.terminal import console, print_plainly
from grading.tasks.table import table

MOST_NAMED = 8
"""Number of learners that a message names."""


@click.command()
@click.argument("results", type=GivenPath(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--policy",
    type=POLICY_FILE,
    required=True,
    metavar="FILE",
    help="The rules of the course, such as course.toml.",
)
@click.option(
    "--marks",
    type=GivenPath(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder for the marks; beside RESULTS by default.",
)
@click.option(
    "--into",
    multiple=True,
    type=GivenPath(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Fill in the grades of an export of Canvas or Moodle. Can be repeated.",
)
@click.option(
    "--at",
    metavar="TIME",
    help="Show learners what they may see at this time, instead of now.",
)
@click.option("--no-names", is_flag=True, help="Replace names by numbers.")
def regrade(
    results: Path,
    policy: Path,
    marks: Path | None,
    into: tuple[Path, ...],
    at: str | None,
    no_names: bool,
) -> int:
    """Compute the marks of a graded class, in the folder RESULTS, under a policy.

    The stored reports are decided again. No submission runs.
    """
    if no_names and into:
        raise click.UsageError("--into needs names; leave out --no-names")
    course = loaded(policy)
    try:
        now = (
            datetime.now(UTC)
            if at is None
            else parsed_time(at, course.policy.hand_ins.zone, "--at")
        )
        return write_marks(course, Store(results), marks, into, now, no_names)
    except PolicyError as error:
        raise click.UsageError(str(error)) from None


def write_marks(
    course: Course,
    store: Store,
    folder: Path | None,
    into: Sequence[Path],
    now: datetime,
    no_names: bool = False,
) -> int:
    """Write the marks of a class, fill in the files of platforms, and show a summary.

    Raises:
        PolicyError: The policy does not fit to the results, or a file cannot be filled in.
    """
    if folder is None:
        ending = "-no-names" if no_names else ""
        whole = store.folder if store.folder.name not in ("", "..") else store.folder.resolve()
        folder = whole.parent / f"{whole.name}-{course.path.stem}{ending}"
    marks = mark_class(course, store, table(), now)
    if no_names:
        marks = anonymised(marks, store.folder)
    output = Output(course, marks)
    # All files are checked before the first one is written.
    prepared = [output.prepared(file) for file in into]
    output.write(folder, no_names)
    print_plainly(console(), lambda on: on.print(_table(marks)))
    click.echo(f"\n{_summary(marks)}; policy {course.policy.name!r}, checksum {course.checksum}")
    for each in open_marks(marks):
        click.echo(f"no mark: {each.mark.learner}: {each.mark.reason}")
    for line in without_effect(course.policy, table()):
        click.echo(f"note: {line}")
    click.echo(f"marks: {folder / MARKS}")
    code = OK
    for file in prepared:
        original = output.fill(file)
        code = FAILED if file.filled.strangers else code
        _show_filled(file.file, file.filled, original)
    return code


def _table(marks: Sequence[Marked]) -> Grid:
    """Return a line for each learner."""
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("learner", overflow="fold")
    for heading in ("mark", "of"):
        grid.add_column(heading, justify="right")
    grid.add_column("hand-in", overflow="fold")
    grid.add_column("remarks", overflow="fold")
    for each in marks:
        mark, remarks = each.mark, [each.mark.late] if each.mark.late else []
        if mark.deducted:
            remarks.append(f"{words.points(mark.deducted)} deducted")
        if each.report is not None and each.report.judged_points < each.report.max_points:
            left = each.report.max_points - each.report.judged_points
            remarks.append(f"{words.points(left)} not judged")
        remarks += [f"set by hand: {override.reason}" for override in mark.overrides]
        if not mark.overrides and mark.reason:
            remarks.append(mark.reason)
        value = "excused" if mark.excused else words.points(mark.points)
        name = f"{mark.learner} ({mark.pair})" if mark.pair else mark.learner
        grid.add_row(name, value, words.points(mark.of), mark.hand_in, "; ".join(remarks))
    return grid


def _summary(marks: Sequence[Marked]) -> str:
    counted = Counter(
        "excused"
        if each.mark.excused
        else "without a mark"
        if each.mark.points is None
        else "marked"
        for each in marks
    )
    parts = [f"{counted[name]} {name}" for name in ("marked", "excused", "without a mark")]
    late = sum(bool(each.mark.late) for each in marks)
    by_hand = sum(bool(each.mark.overrides) for each in marks)
    parts += [f"{late} late", f"{by_hand} set by hand"]
    return f"{words.plural(len(marks), 'learner')}: {', '.join(parts)}"


def _show_filled(file: Path, filled: Filled, original: Path) -> None:
    """Write what was changed in a platform's file, and what was not."""
    click.echo(
        f"{filled.platform}: {words.plural(len(filled.changed), 'cell')} of the column "
        f"{filled.column!r} changed in {file}"
    )
    for name, reason in filled.left.items():
        click.echo(f"  {name} unchanged: {reason}")
    if filled.others:
        click.echo(f"  rows without a learner, unchanged: {_some(filled.others)}")
    if filled.strangers:
        click.echo(
            f"  not in the file, so their marks are missing there: {_some(filled.strangers)}"
        )
    click.echo(f"  origin: {file}.{MADE}; before the first change: {original}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
