"""Marks of a class as CSV: one row per submission, one column per task."""

import csv
import io
from collections.abc import Iterable, Sequence

from grading.judge.records import Mark, Report
from grading.reports import words

RUN = ("grader", "created", "isolation", "python", "numpy", "numba")
"""Columns of the run: commit of the grader, time, isolation and versions."""

MARK = ("mark", "policy", "checksum")
"""Columns of the mark under a course's policy."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Prefixes of cells that a spreadsheet evaluates as a formula."""


def write(report: Report) -> bytes:
    """Return the table of a single submission."""
    return write_class([report])


def write_class(reports: Sequence[Report]) -> bytes:
    """Return the table of a class, in UTF-8 with a byte-order mark for spreadsheets.

    The cell of a task that was not judged is empty. A task that was partly judged in any submission
    has a second column with the judged points.
    """
    tasks = columns(reports)
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(
        [
            *("submission", "points", "judged_points", "max_points"),
            *tasks,
            *("status", "seed", "path", *RUN, *MARK),
        ]
    )
    for report in reports:
        rows.writerow(
            [
                inert(report.submission.name),
                words.points(report.points if report.judged_points else None),
                words.points(report.judged_points),
                words.points(report.max_points),
                *cells(report, tasks),
                inert(words.summary(report)),
                "" if report.seed is None else report.seed,
                inert(report.submission.path),
                *run_cells(report),
                *_mark(report.mark),
            ]
        )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def run_cells(report: Report) -> list[str]:
    """Return the cells of the columns `RUN`."""
    facts = (report.grader, report.created, report.isolation.level)
    return [*facts, *words.versions(report).values()]


def _mark(mark: Mark | None) -> list[str]:
    """Return the cells of a mark; empty ones without a policy."""
    if mark is None:
        return [""] * len(MARK)
    return [inert(text) for text in (words.mark_text(mark), mark.policy, mark.checksum)]


def columns(reports: Sequence[Report]) -> list[str]:
    """Return the columns of tasks: those of the points, then those of judged points."""
    tasks = [task for report in reports for task in report.tasks]
    partly = {task.id for task in tasks if 0 < task.judged < task.max_points}
    return [*dict.fromkeys(task.id for task in tasks), *(f"{id} judged" for id in sorted(partly))]


def cells(report: Report | None, names: Iterable[str]) -> list[str]:
    """Return the cells of a submission in the columns of tasks; empty ones without a report."""
    values: dict[str, float] = {}
    for task in report.tasks if report is not None else ():
        if task.points is not None:
            values |= {task.id: task.points, f"{task.id} judged": task.judged}
    return [f"{values[name]:g}" if name in values else "" for name in names]


def inert(text: str) -> str:
    """Return a text that spreadsheets do not evaluate as a formula."""
    risky = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky else text
