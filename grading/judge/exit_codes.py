"""The exit codes of the grader's commands."""

from grading.judge.records import Report, Status

OK = 0
"""Something was judged, and nothing of it failed."""

FAILED = 1
"""Something failed."""

USAGE = 2
"""Usage error."""

HARNESS = 3
"""The grader itself failed."""

INTERRUPTED = 130
"""Ctrl-C."""


def exit_code(report: Report, require_all: bool = False) -> int:
    """Return the exit code of a run.

    Args:
        report: What was found out.
        require_all: Whether what was not judged counts as failed.
    """
    if report.errors or report.counting(Status.ERROR):
        return HARNESS
    statuses = [task.status for task in report.tasks]
    if any(status.bad for status in statuses):
        return FAILED
    if not any(status.judged for status in statuses):
        return FAILED
    if require_all and any(not s.judged or s is Status.PARTLY for s in statuses):
        return FAILED
    return OK
