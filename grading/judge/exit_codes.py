"""The exit codes of the grader's commands."""

from grading.judge.records import Report, Status

OK = 0
"""Exit code: something was judged, and nothing failed; or results are hidden."""

FAILED = 1
"""Exit code: something failed, or nothing could be judged."""

USAGE = 2
"""Exit code: usage error."""

HARNESS = 3
"""Exit code: error of the grader."""

INTERRUPTED = 130
"""Exit code: interrupted by Ctrl-C."""


def exit_code(report: Report, require_all: bool = False) -> int:
    """Return the exit code of a run.

    Args:
        report: The report of the run.
        require_all: True to count tasks that were not judged as failed.
    """
    if report.errors or report.counting(Status.ERROR):
        return HARNESS
    statuses = [task.status for task in report.tasks]
    if any(status.bad for status in statuses):
        return FAILED
    if Status.HIDDEN in statuses:
        # The code must not reveal a hidden result.
        return OK
    if not any(status.judged for status in statuses):
        return FAILED
    if require_all and any(not s.judged or s is Status.PARTLY for s in statuses):
        return FAILED
    return OK
