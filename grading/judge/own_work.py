"""Whether a task's functions do their own work: the table says what may not do it for them."""

from collections.abc import Sequence

from grading.judge.records import CheckResult, Fault, Status
from grading.judge.text import clean_line
from grading.submissions.forbidden import forbidden_uses
from grading.submissions.submission import Submission
from grading.tasks.model import Task

NAME = "test_the_work_is_its_own"
"""How this check is called among those of a task."""


def own_work(task: Task, holes: Sequence[str], submission: Submission) -> tuple[CheckResult, ...]:
    """Look for forbidden modules and calls; no result where nothing is forbidden."""
    if not task.forbidden or not holes:
        return ()
    uses = forbidden_uses(submission, holes, task.forbidden)
    if not uses:
        return (CheckResult(NAME, Status.PASSED),)
    first, *others = uses
    also = f" (it is used in {len(uses)} places)" if others else ""
    fault = Fault(
        sentence=f"{clean_line(first.what)} may not do the work of this task{also}",
        place=clean_line(f"{first.file}:{first.line}"),
        details="\n".join(clean_line(str(use)) for use in others[:10]),
    )
    return (CheckResult(NAME, Status.FAILED, fault=fault),)
