"""The likely cause of a wrong answer, found by comparing it with models of known mistakes.

Each mistake is a small model of a wrong solution, in NumPy or plain Python. A mistake is the likely
cause if its model reproduces a wrong response. If several models do, the other findings of the same
check decide between them.
"""

from collections import deque
from collections.abc import Sequence

from grading.checking.finding import Finding
from grading.diagnosis.catalogue import MISTAKES
from grading.diagnosis.mistakes import Mistake

MOST_CONSIDERED = 30
"""Number of wrong and of right findings that support a mistake; more of them cost time only."""


def likely_cause(
    task_id: str, finding: Finding, others: Sequence[Finding] | deque[Finding] = ()
) -> str | None:
    """Return a hint at the mistake, as sentences; None if no known mistake explains the finding.

    Args:
        task_id: The task whose check failed, "4.2" for example.
        finding: The comparison that failed.
        others: The other comparisons of the same check, collected while hypothesis shrank the
            example (`grading.checking.finding.collecting`).
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
    # `max` returns the first of equals: the catalogue lists special mistakes before general ones.
    best = max(possible, key=lambda mistake: _support(mistake, wrong, right))
    contradicted, confirmed, _ = _support(best, wrong, right)
    return best.cause if -contradicted <= confirmed else None


def _support(
    mistake: Mistake, wrong: Sequence[Finding], right: Sequence[Finding]
) -> tuple[int, int, int]:
    """Return the support of a mistake as a tuple; the largest tuple is the best support.

    Its items are the wrong responses that contradict the mistake (negated), the wrong responses
    that confirm it, and the right responses that contradict it (negated).
    """
    of_wrong = [mistake.explains(finding) for finding in wrong]
    of_right = [mistake.explains(finding) for finding in right]
    return -of_wrong.count(False), of_wrong.count(True), -of_right.count(False)


def _spread(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return at most `MOST_CONSIDERED` findings, evenly spread over the search of hypothesis."""
    return findings[:: max(1, -(-len(findings) // MOST_CONSIDERED))]
