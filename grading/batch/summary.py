"""The table of a class, for the screen and as CSV."""

import csv
import io
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from grading.batch.store import Grade
from grading.judge.records import Report, Status
from grading.reports import words
from grading.reports.table import RUN, cells, columns, inert, run_cells

BEFORE = ("submission", "who", "outcome", "points", "judged", "possible")
AFTER = ("seconds", "seed", "reason")
"""The columns before and after those of the tasks."""


@dataclass(frozen=True)
class Row:
    """A submission in the table.

    Attributes:
        grade: The grade of the submission.
        report: The report; None if it was not graded.
    """

    grade: Grade
    report: Report | None


def as_csv(rows: Iterable[Row], seed: int) -> bytes:
    """Return the table as CSV: one row per submission, one column per task.

    A cell contains the points of a task; it is empty if the task was not judged. A task that was
    partly judged in any submission has a second column with the judged points. The reason names
    tasks that are not implemented.
    """
    rows = list(rows)
    tasks = columns([row.report for row in rows if row.report])
    text = io.StringIO()
    writer = csv.writer(text)
    # Tables of reports without a commit, of earlier versions, stay as they were.
    has_origin = any(row.report is not None and row.report.grader for row in rows)
    writer.writerow([*BEFORE, *tasks, *AFTER, *(RUN if has_origin else ())])
    for row in rows:
        writer.writerow(
            [*_cells(row, tasks, seed), *(_run_cells(row.report) if has_origin else ())]
        )
    # Spreadsheets recognise UTF-8 by the byte-order mark.
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def as_table(rows: Iterable[Row], same_failures: Mapping[str, int]) -> Table:
    """Return the table for a terminal.

    Args:
        rows: The submissions.
        same_failures: Number of submissions with the same failures, by name.
    """
    rows = list(rows)
    table = Table(box=None, pad_edge=False)
    table.add_column("submission", overflow="fold")
    for heading in ("points", "judged", "of", "failed", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("remarks", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in _shown(row, same_failures)))
    return table


def durations(rows: Iterable[Row]) -> list[str]:
    """Return lines with the durations of the reports of a class; none if there is no report.

    The first line has the median and the largest duration, the second the share of each phase in
    the time of all phases of all reports.
    """
    reports = [(row.grade.name, row.report) for row in rows if row.report is not None]
    if not reports:
        return []
    median = statistics.median(report.seconds for _, report in reports)
    name, slowest = max(reports, key=lambda each: each[1].seconds)
    lines = [f"time: median {median:.1f} s, slowest {slowest.seconds:.1f} s ({inert(name)})"]
    phases: defaultdict[str, float] = defaultdict(float)
    for _, report in reports:
        for phase, seconds in report.phases.items():
            phases[phase] += seconds
    if whole := sum(phases.values()):
        shares = (
            f"{phase} {seconds / whole:.0%}"
            for phase, seconds in sorted(phases.items(), key=lambda each: -each[1])
        )
        lines.append(f"phases: {', '.join(shares)}")
    return lines


def _cells(row: Row, tasks: Iterable[str], seed: int) -> list[str]:
    grade, report = row.grade, row.report
    totals = (_points(report), report.judged_points, report.max_points) if report else (None,) * 3
    return [
        inert(grade.name),
        inert(grade.who),
        grade.outcome,
        *map(_number, totals),
        *cells(report, tasks),
        f"{grade.seconds:.1f}",
        str(seed),
        inert("; ".join(text for text in (grade.reason, _not_implemented(report)) if text)),
    ]


def _run_cells(report: Report | None) -> list[str]:
    return [""] * len(RUN) if report is None else run_cells(report)


def _shown(row: Row, same_failures: Mapping[str, int]) -> list[str]:
    grade, report = row.grade, row.report
    remarks = [f"{grade.outcome}: {grade.reason}"] if grade.reason else []
    failed = []
    if report is not None:
        failed = [task.id for task in report.tasks if task.status is Status.FAILED]
    if failed:
        remarks.append(f"wrong: {', '.join(failed)}")
    if unimplemented := _not_implemented(report):
        remarks.append(unimplemented)
    if grade.name in same_failures:
        others = words.plural(same_failures[grade.name], "other")
        remarks.append(f"same failures as {others}")
    return [
        f"{grade.name} ({grade.who})" if grade.who else grade.name,
        _number(_points(report) if report else None),
        _number(report.judged_points if report else None),
        _number(report.max_points if report else None),
        str(len(failed)) if report else "",
        f"{grade.seconds:.0f}",
        "; ".join(remarks),
    ]


def _not_implemented(report: Report | None) -> str:
    """Return a remark on tasks whose 0 points mean that a function is not implemented."""
    tasks = () if report is None else report.tasks
    ids = [task.id for task in tasks if task.status is Status.UNIMPLEMENTED]
    return f"not implemented: {', '.join(ids)}" if ids else ""


def _points(report: Report) -> float | None:
    """Return the earned points of a submission; None if no task was judged."""
    return report.points if any(task.points is not None for task in report.tasks) else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
