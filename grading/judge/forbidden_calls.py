"""Search for modules and calls that the table of tasks forbids to a task's functions."""

from collections.abc import Sequence

from grading.judge.records import CheckResult, Fault, Status
from grading.judge.text import clean_line
from grading.submissions.forbidden import Use, forbidden_uses
from grading.submissions.submission import Submission
from grading.tasks.model import Task

NAME = "test_no_forbidden_calls"
"""Name of this check among the checks of a task."""


def forbidden_calls(task: Task, submission: Submission) -> dict[str, CheckResult]:
    """Search the functions of a task for forbidden modules and calls.

    Returns:
        A failed check for each group whose functions reach one, by the name of the group. If there
        is none: one passed check with an empty name; no check if nothing is forbidden.
    """
    holes = task.holes_in(submission.layout)
    if not task.forbidden or not holes:
        return {}
    uses = forbidden_uses(submission, holes, task.forbidden)
    found: dict[str, CheckResult] = {}
    for group in task.groups:
        forbidden = [
            (name, use)
            for hole in submission.named(task.holes_of(group, submission.layout))
            for name in [hole.partition(":")[2]]
            for use in uses.get(hole, ())
        ]
        if forbidden:
            name = f"{NAME}[{group.name}]" if len(task.groups) > 1 else NAME
            found[group.name] = CheckResult(name, Status.FAILED, fault=_fault(forbidden))
    return found or {"": CheckResult(NAME, Status.PASSED)}


def _fault(uses: Sequence[tuple[str, Use]]) -> Fault:
    (function, first), *others = uses
    also = f" ({len(uses)} forbidden uses)" if others else ""
    return Fault(
        sentence=f"forbidden in `{function}`: {clean_line(first.what)}{also}",
        place=clean_line(f"{first.file}:{first.line}"),
        details="\n".join(clean_line(f"{name}: {use}") for name, use in others[:10]),
    )
