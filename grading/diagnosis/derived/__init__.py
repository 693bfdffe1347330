"""Models of mistakes that are derived from right solutions by small changes of their syntax.

A right solution of a task is changed in one place: operands are exchanged, an operator, a stride,
a size or an index is replaced, a term or a statement is left out, a loop ends too early. The
changed solution predicts the answers of a submission with the same mistake. Comments in the right
solutions name the places in the sentences of the causes.

The solutions compute with the memory of arrays or with NumPy, and import nothing of a submission.
"""

from collections.abc import Iterator

from grading.diagnosis.derived import (
    differences,
    formulas,
    graphs,
    kernels,
    layout,
    lists,
    loops,
    modules,
    windows,
)
from grading.diagnosis.derived.solution import Derived
from grading.diagnosis.derived.variants import Steps

SOLUTIONS = [
    *formulas.SOLUTIONS,
    *lists.SOLUTIONS,
    *modules.SOLUTIONS,
    *differences.SOLUTIONS,
    *graphs.SOLUTIONS,
    *layout.SOLUTIONS,
    *loops.SOLUTIONS,
    *kernels.SOLUTIONS,
    *windows.SOLUTIONS,
]
"""All right solutions."""


def derived(task_id: str, steps: Steps) -> Iterator[Derived]:
    """Yield the derived mistakes of a task.

    Args:
        task_id: The task, "4.2" for example.
        steps: Counts the steps of their models.
    """
    for solution in SOLUTIONS:
        if task_id in solution.tasks:
            yield from solution.derived(steps)
    yield from formulas.derived(task_id, steps)
