"""The likely cause of a wrong answer: known mistakes, tried against what was received.

Each mistake is a small model of a wrong solution, in NumPy or plain Python. A mistake that gives
exactly what was received, where the right answer is another, is the likely cause. If several do,
whatever else the same check found decides between them.
"""

from collections.abc import Sequence

from grading.diagnosis.catalogue import MISTAKES
from grading.diagnosis.mistakes import Mistake
from grading.finding import Finding

MOST_CONSIDERED = 40
"""How many other findings are looked at."""


def likely_cause(task_id: str, finding: Finding, others: Sequence[Finding] = ()) -> str | None:
    """Return what went wrong, in the words of the task; None if no known mistake explains it.

    Args:
        task_id: The task whose check failed, "4.2" for example.
        finding: What the check found.
        others: What else was found in the same task: while hypothesis looked for a smaller
            example (`grading.finding.collecting`), or by other checks.
    """
    possible = [
        mistake
        for mistake in MISTAKES
        if task_id in mistake.tasks and mistake.explains(finding) is True
    ]
    if not possible:
        return None
    # Among equals the first of the catalogue, which goes from the special to the general.
    best = max(possible, key=lambda mistake: _support(mistake, others))
    contradicted, confirmed = _support(best, others)
    return best.cause if -contradicted <= confirmed else None


def _support(mistake: Mistake, others: Sequence[Finding]) -> tuple[int, int]:
    """Return how many findings speak against a mistake, negated, and how many for it."""
    votes = [mistake.explains(other) for other in list(others)[-MOST_CONSIDERED:]]
    return -votes.count(False), votes.count(True)
