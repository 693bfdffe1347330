"""Whether a task's functions do their own work: the table says what may not do it for them."""

from collections.abc import Sequence

from grading.judge.records import CheckResult, Fault, Status
from grading.judge.text import clean_line
from grading.submissions.forbidden import forbidden_uses
from grading.submissions.forbidden.use import Use
from grading.submissions.submission import Submission
from grading.tasks.model import Task

NAME = "test_the_work_is_its_own"
"""How this check is called among those of a task."""


def own_work(task: Task, submission: Submission) -> dict[str, CheckResult]:
    """Look for forbidden modules and calls.

    Returns:
        For each group whose functions reach one, by its name, what was found; else a check that
        passed, for no group; nothing where nothing is forbidden.
    """
    found: dict[str, CheckResult] = {}
    for group in task.groups:
        holes = task.holes_of(group, submission.layout)
        uses = forbidden_uses(submission, holes, task.forbidden) if holes else []
        if uses:
            name = f"{NAME}[{group.name}]" if len(task.groups) > 1 else NAME
            found[group.name] = CheckResult(name, Status.FAILED, fault=_fault(uses))
    if found or not task.forbidden or not task.holes_in(submission.layout):
        return found
    return {"": CheckResult(NAME, Status.PASSED)}


def _fault(uses: Sequence[Use]) -> Fault:
    first, *others = uses
    also = f" (it is used in {len(uses)} places)" if others else ""
    return Fault(
        sentence=f"{clean_line(first.what)} may not do the work of this task{also}",
        place=clean_line(f"{first.file}:{first.line}"),
        details="\n".join(clean_line(str(use)) for use in others[:10]),
    )
