"""The likely cause of a wrong answer: known mistakes, tried against what was received.

Each mistake is a small model of a wrong solution, in NumPy or plain Python. A mistake that gives
exactly what was received, where the right answer is another, is the likely cause. If several do,
whatever else the same check found decides between them.
"""

from collections.abc import Iterable

from grading.diagnosis.catalogue import MISTAKES
from grading.diagnosis.mistakes import Mistake
from grading.finding import Collection, Finding

MOST_CONSIDERED = 30
"""How many other findings are looked at, and how many right answers."""


def likely_cause(task_id: str, finding: Finding, others: Collection | None = None) -> str | None:
    """Return what went wrong, in the words of the task; None if no known mistake explains it.

    Args:
        task_id: The task whose check failed, "4.2" for example.
        finding: What the check found.
        others: What else the same check found and did not find while hypothesis looked for a
            smaller example (`grading.finding.collecting`).
    """
    possible = [
        mistake
        for mistake in MISTAKES
        if task_id in mistake.tasks and mistake.explains(finding) is True
    ]
    if others is None or not possible:
        return possible[0].cause if possible else None
    # Among equals the first of the catalogue, which goes from the special to the general.
    best = max(possible, key=lambda mistake: _support(mistake, others))
    contradicted, confirmed, _ = _support(best, others)
    return best.cause if -contradicted <= confirmed else None


def _support(mistake: Mistake, others: Collection) -> tuple[int, int, int]:
    """Return how many findings speak against a mistake and for it, and right answers against it.

    What speaks against it counts negative, so that the largest support is the best.
    """
    wrong = [mistake.explains(finding) for finding in _spread(others.wrong)]
    right = [mistake.explains(finding) for finding in _spread(others.right)]
    return -wrong.count(False), wrong.count(True), -right.count(False)


def _spread(findings: Iterable[Finding]) -> list[Finding]:
    """Return some of the findings, from the first to the last: hypothesis shrinks as it goes."""
    listed = list(findings)
    step = max(1, -(-len(listed) // MOST_CONSIDERED))
    return listed[::step]
