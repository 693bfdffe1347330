"""Models of mistakes that are derived from right solutions by small changes of their syntax.

A right solution of a task is changed in one place: operands are exchanged, an operator, a stride,
a size or an index is replaced, a term or a statement is left out, a loop ends too early. The
changed solution predicts the answers of a submission with the same mistake. Comments in the right
solutions name the places in the sentences of the causes.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from grading.diagnosis.derived.solution import Derived
from grading.diagnosis.derived.variants import Steps


def derived(task_id: str, steps: Steps) -> Iterator[Derived]:
    """Yield the derived mistakes of a task; none in a tree for learners, without the solutions.

    Args:
        task_id: The task, "4.2" for example.
        steps: Counts the steps of their models.
    """
    name = f"{__name__}.solutions"
    if find_spec(name) is not None:
        yield from import_module(name).derived(task_id, steps)
