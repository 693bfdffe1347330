"""The likely cause of a wrong answer: known mistakes, tried against what was received."""

from collections.abc import Sequence

from grading.finding import Finding


def likely_cause(task_id: str, finding: Finding, others: Sequence[Finding] = ()) -> str | None:
    """Return what went wrong, in the words of the task; None if no known mistake explains it.

    Args:
        task_id: The task whose check failed, "4.2" for example.
        finding: What the check found.
        others: What other checks of the same task found in the same run: they decide between
            mistakes that explain `finding` equally well.
    """
    return None
