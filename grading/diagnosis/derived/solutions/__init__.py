"""Right solutions of tasks, whose comments name the places in the sentences of causes.

They compute with the memory of arrays or with NumPy, and import nothing of a submission. A tree for
learners does not contain this folder.
"""

from collections.abc import Iterator

from grading.diagnosis.derived.solution import Derived
from grading.diagnosis.derived.solutions import (
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
from grading.diagnosis.derived.variants import Steps

SOLUTIONS = (
    *formulas.SOLUTIONS,
    *lists.SOLUTIONS,
    *modules.SOLUTIONS,
    *differences.SOLUTIONS,
    *graphs.SOLUTIONS,
    *layout.SOLUTIONS,
    *loops.SOLUTIONS,
    *kernels.SOLUTIONS,
    *windows.SOLUTIONS,
)
"""Right solutions that respond to whole requests."""


def derived(task_id: str, steps: Steps) -> Iterator[Derived]:
    """Yield the derived mistakes of a task; see `grading.diagnosis.derived.derived`."""
    for solution in SOLUTIONS:
        if task_id in solution.tasks:
            yield from solution.derived(steps)
    yield from formulas.derived(task_id, steps)
