"""The marks of a class as CSV: one row for each submission, one column for each task."""

import csv
import io
from collections.abc import Sequence

from grading.judge.records import Report
from grading.reports import words

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would calculate."""


def write(report: Report) -> bytes:
    """Return the table of a single submission."""
    return write_class([report])


def write_class(reports: Sequence[Report]) -> bytes:
    """Return the table of a class; an empty cell stands for what was not judged.

    With a byte-order mark, by which spreadsheets recognise UTF-8.
    """
    ids = list(dict.fromkeys(task.id for report in reports for task in report.tasks))
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(
        ["submission", "points", "judged_points", "max_points", *ids, "status", "seed", "path"]
    )
    for report in reports:
        earned = {task.id: task.points for task in report.tasks}
        rows.writerow(
            [
                inert(report.submission.name),
                words.points(report.points),
                words.points(report.judged_points),
                words.points(report.max_points),
                *("" if earned.get(id) is None else f"{earned[id]:g}" for id in ids),
                inert(words.summary(report)),
                report.seed,
                inert(report.submission.path),
            ]
        )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def inert(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    risky = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky else text
