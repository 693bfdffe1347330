"""The table of marks as a plain CSV: a row for each learner."""

import csv
import io
from collections.abc import Sequence

from grading.judge.records import Mark, Report
from grading.policy.marks import Marked
from grading.reports.table import cells, columns, inert

BEFORE = (
    *("learner", "pair", "mark", "of", "excused", "earned", "judged", "possible"),
    *("late", "deducted", "hand_in", "handed_in", "deadline", "remark"),
)
AFTER = (*("set_by_hand", "policy", "checksum", "grader", "graded_by", "seed", "made"),)
"""The columns before and after those of the tasks."""


def write(marks: Sequence[Marked]) -> bytes:
    """Return the table, in UTF-8 with a byte order mark for spreadsheets.

    The cell of a mark or a task is empty if it was not judged.
    """
    tasks = columns([each.report for each in marks if each.report is not None])
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow([*BEFORE, *tasks, *AFTER])
    for each in marks:
        row = [*_before(each.mark, each.report), *cells(each.report, tasks)]
        rows.writerow([inert(cell) for cell in (*row, *_after(each.mark, each.report))])
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _before(mark: Mark, report: Report | None) -> list[str]:
    totals: tuple[float | None, ...] = (None, None, None)
    if report is not None:
        judged = report.judged_points
        totals = (report.points if judged else None, judged, report.max_points)
    return [
        *(mark.learner, mark.pair, _number(mark.points), _number(mark.of)),
        "yes" if mark.excused else "",
        *map(_number, totals),
        mark.late,
        _number(mark.deducted or None),
        *(mark.hand_in, mark.handed_in, mark.deadline, mark.reason),
    ]


def _after(mark: Mark, report: Report | None) -> list[str]:
    return [
        "; ".join(
            f"{each.by} at {each.at}: {each.task or 'mark'} {each.group}".rstrip()
            + f": {'excused' if each.excused else _number(each.points)}: {each.reason}"
            for each in mark.overrides
        ),
        *(mark.policy, mark.checksum, mark.grader),
        "" if report is None else report.grader,
        "" if report is None else str(report.seed),
        mark.marked,
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
