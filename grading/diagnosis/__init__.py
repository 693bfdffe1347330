"""The likely cause of a wrong answer: known mistakes, tried against what was received.

Each mistake is a small model of a wrong solution, in NumPy or plain Python. A mistake that gives
exactly what was received, where the right answer is another, is the likely cause. If several do,
whatever else the same check found decides between them.
"""

from collections import deque
from collections.abc import Sequence

from grading.checking.finding import Finding
from grading.diagnosis.catalogue import MISTAKES
from grading.diagnosis.mistakes import Mistake

MOST_CONSIDERED = 30
"""How many other findings are looked at, and how many right answers."""


def likely_cause(
    task_id: str, finding: Finding, others: Sequence[Finding] | deque[Finding] = ()
) -> str | None:
    """Return what went wrong, in the words of the task; None if no known mistake explains it.

    Args:
        task_id: The task whose check failed, "4.2" for example.
        finding: What the check found.
        others: What other comparisons of the same check came to, while hypothesis looked for a
            smaller example (`grading.checking.finding.collecting`).
    """
    possible = [
        mistake
        for mistake in MISTAKES
        if task_id in mistake.tasks and mistake.explains(finding) is True
    ]
    if not possible:
        return None
    wrong = _spread([other for other in others if not other.right])
    right = _spread([other for other in others if other.right])
    # Among equals the first of the catalogue, which goes from the special to the general.
    best = max(possible, key=lambda mistake: _support(mistake, wrong, right))
    contradicted, confirmed, _ = _support(best, wrong, right)
    return best.cause if -contradicted <= confirmed else None


def _support(
    mistake: Mistake, wrong: Sequence[Finding], right: Sequence[Finding]
) -> tuple[int, int, int]:
    """Return how many wrong answers speak against a mistake and for it, and right ones against it.

    What speaks against it counts negative, so that the largest support is the best.
    """
    of_wrong = [mistake.explains(finding) for finding in wrong]
    of_right = [mistake.explains(finding) for finding in right]
    return -of_wrong.count(False), of_wrong.count(True), -of_right.count(False)


def _spread(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return some of the findings, from the first to the last: hypothesis shrinks as it goes."""
    return findings[:: max(1, -(-len(findings) // MOST_CONSIDERED))]
