"""All tasks: no calls that the table of tasks forbids."""

import pytest

from grading.submissions.forbidden import forbidden_uses
from grading.submissions.submission import Submission
from grading.tasks.model import Task
from grading.tasks.table import table


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, id=task.marker, marks=getattr(pytest.mark, task.marker))
        for task in table().tasks
        if task.forbidden and (task.holes or task.upstream)
    ],
)
def test_no_forbidden_calls(submission: Submission, task: Task) -> None:
    """Search the sources without running them, as `grading/judge/forbidden_calls.py` does."""
    uses = forbidden_uses(submission, task.holes_in(submission.layout), task.forbidden)
    assert not uses, "\n".join(f"{hole}: {use}" for hole in uses for use in uses[hole])
