"""Excuses of groups that need an unusable function."""

from grading.judge.records import Status
from grading.tasks.model import Group, Task

UNUSABLE = {
    Status.FAILED: "fails",
    Status.UNIMPLEMENTED: "is not implemented yet",
    Status.NOT_THERE: "is not there",
}
"""Statuses of a needed group that excuse a failure, in words."""

START = "needs "
"""Start of the reason of an excused group."""


def excuse_text(task: Task, of: Task, needed: Group, problem: str) -> str:
    """Return the reason of an excused group.

    Args:
        task: The task of the excused group.
        of: The task of the needed group.
        needed: The needed group.
        problem: A text of `UNUSABLE`.
    """
    of_task = "" if of.id == task.id else f" of task {of.id}"
    return f"{START}`{needed.name}`{of_task}, which {problem}"
