"""Whether a task's functions do their own work: the table says what may not do it for them."""

from collections.abc import Sequence

from grading.judge.records import CheckResult, Fault, Status
from grading.judge.text import clean_line
from grading.submissions.forbidden import Use, forbidden_uses
from grading.submissions.submission import Submission
from grading.tasks.model import Task

NAME = "test_the_work_is_its_own"
"""How this check is called among those of a task."""


def charged(task: Task, holes: Sequence[str], submission: Submission) -> dict[str, list[Use]]:
    """Return the functions of a task that use what may not do their work, and where."""
    return forbidden_uses(submission, holes, task.forbidden) if task.forbidden else {}


def own_work(task: Task, holes: Sequence[str], submission: Submission) -> tuple[CheckResult, ...]:
    """Look for forbidden modules and calls; no result where nothing is forbidden."""
    if not task.forbidden or not holes:
        return ()
    found = charged(task, holes, submission)
    if not found:
        return (CheckResult(NAME, Status.PASSED),)
    uses = [(hole.partition(":")[2], use) for hole, uses in found.items() for use in uses]
    (function, first), *others = uses
    also = f" (there are {len(uses)} such places)" if others else ""
    fault = Fault(
        sentence=f"{clean_line(first.what)} may not do the work of `{function}`{also}",
        place=clean_line(f"{first.file}:{first.line}"),
        details="\n".join(clean_line(f"{name}: {use}") for name, use in others[:10]),
    )
    return (CheckResult(NAME, Status.FAILED, fault=fault),)
