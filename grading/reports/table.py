"""Marks of a class as CSV: one row per submission, one column per task."""

import csv
import io
from collections.abc import Iterable, Sequence

from grading.judge.records import Report
from grading.reports import words

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
    partly = partly_judged(reports)
    ids = list(dict.fromkeys(task.id for report in reports for task in report.tasks))
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(
        [
            *("submission", "points", "judged_points", "max_points"),
            *ids,
            *(f"{id} judged" for id in partly),
            *("status", "seed", "path"),
        ]
    )
    for report in reports:
        earned = {task.id: task.points for task in report.tasks}
        judged = {task.id: task.judged for task in report.tasks if task.points is not None}
        rows.writerow(
            [
                inert(report.submission.name),
                words.points(report.points),
                words.points(report.judged_points),
                words.points(report.max_points),
                *("" if earned.get(id) is None else f"{earned[id]:g}" for id in ids),
                *(f"{judged[id]:g}" if id in judged else "" for id in partly),
                inert(words.summary(report)),
                report.seed,
                inert(report.submission.path),
            ]
        )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def partly_judged(reports: Iterable[Report]) -> list[str]:
    """Return the ids of the tasks that were partly judged in any submission."""
    return sorted(
        {
            task.id
            for report in reports
            for task in report.tasks
            if 0 < task.judged < task.max_points
        }
    )


def inert(text: str) -> str:
    """Return a text that spreadsheets do not evaluate as a formula."""
    risky = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky else text
