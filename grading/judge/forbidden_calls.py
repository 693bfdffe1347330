"""Whether a task's functions do their own work: the table says what may not do it for them."""

from collections.abc import Sequence

from grading.judge.records import CheckResult, Fault, Status
from grading.judge.text import clean_line
from grading.submissions.forbidden import Use, forbidden_uses
from grading.submissions.submission import Submission
from grading.tasks.model import Task

NAME = "test_no_forbidden_calls"
"""How this check is called among those of a task."""


def forbidden_calls(task: Task, submission: Submission) -> dict[str, CheckResult]:
    """Look for forbidden modules and calls.

    Returns:
        For each group whose functions reach one, by its name, what was found; else a check that
        passed, for no group; nothing where nothing is forbidden.
    """
    holes = task.holes_in(submission.layout)
    if not task.forbidden or not holes:
        return {}
    uses = forbidden_uses(submission, holes, task.forbidden)
    found: dict[str, CheckResult] = {}
    for group in task.groups:
        charged = [
            (name, use)
            for hole in submission.named(task.holes_of(group, submission.layout))
            for name in [hole.partition(":")[2]]
            for use in uses.get(hole, ())
        ]
        if charged:
            name = f"{NAME}[{group.name}]" if len(task.groups) > 1 else NAME
            found[group.name] = CheckResult(name, Status.FAILED, fault=_fault(charged))
    return found or {"": CheckResult(NAME, Status.PASSED)}


def _fault(uses: Sequence[tuple[str, Use]]) -> Fault:
    (function, first), *others = uses
    also = f" (there are {len(uses)} such places)" if others else ""
    return Fault(
        sentence=f"{clean_line(first.what)} may not do the work of `{function}`{also}",
        place=clean_line(f"{first.file}:{first.line}"),
        details="\n".join(clean_line(f"{name}: {use}") for name, use in others[:10]),
    )
