"""Right solutions of tasks, whose comments name the places in the sentences of causes.

They compute with the memory of arrays or with NumPy, and import nothing of a submission. A tree for
learners does not contain this folder.
"""

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
"""All right solutions."""
