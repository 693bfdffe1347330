"""Mistakes of learners are caught by their own task and no earlier one."""

import collections
from pathlib import Path

import pytest

from grading.isolation import IsolatedSubject, Limits
from grading.tests.forks import in_fork
from grading.tests.mutants import (
    cuda,
    module0,
    module1,
    module2,
    module3,
    module4,
    module5,
    module6,
)
from grading.tests.mutants.judging import ON_PROCESSOR, TASKS, verdict
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.reach import Reach, reach_of, reaches
from grading.tests.mutants.rewriting import changed_sources, make_tree

MUTANTS: list[Mutant] = [
    *module0.MUTANTS,
    *module1.MUTANTS,
    *module2.MUTANTS,
    *module3.MUTANTS,
    *module4.MUTANTS,
    *module5.MUTANTS,
    *module6.MUTANTS,
    *cuda.MUTANTS,
]
IN_OWN_PROCESSES = [mutant for mutant in MUTANTS if not mutant.task.startswith(("5.", "6."))]
"""All but those of modules 5 and 6, which other files of this folder run in this process."""


@pytest.fixture(scope="session")
def reach() -> Reach:
    """The functions that the checks of each task run."""
    return reach_of(ON_PROCESSOR)


@pytest.mark.slow
@pytest.mark.measured("mutant")
@pytest.mark.parametrize("mutant", IN_OWN_PROCESSES, ids=str)
def test_a_mutant_fails_its_task_and_no_earlier_one(
    mutant: Mutant, reach: Reach, tmp_path: Path
) -> None:
    before = ON_PROCESSOR[: _position(mutant.task)]
    earlier = [task for task in before if reaches(reach[task], mutant)]
    tree = make_tree(tmp_path / "tree", mutant.rewrites)
    if not mutant.compiled and not mutant.simulated:
        assert in_fork(verdict, tree, mutant, earlier) == ""
        return
    environment = {} if mutant.compiled else {"NUMBA_DISABLE_JIT": "1"}
    if mutant.simulated:
        environment["NUMBA_ENABLE_CUDASIM"] = "1"
    limits = Limits(memory_mb=4000)
    with IsolatedSubject(tree, environment=environment, limits=limits) as worker:
        assert verdict(worker, mutant, earlier) == ""


def _position(task: str) -> int:
    """Return how many tasks on the processor come before one."""
    order = list(TASKS)
    return sum(order.index(other) < order.index(task) for other in ON_PROCESSOR)


def test_every_task_has_enough_mutants() -> None:
    counts = collections.Counter(mutant.task for mutant in MUTANTS)
    # The mistakes of 0.2 are tests that catch none: see grading/mutation.
    scarce = [task for task in TASKS if task != "0.2" and counts[task] < 2]
    assert scarce == []
    assert all(counts[task] >= 3 for task in TASKS if task.startswith("4.") and task != "4.5")
    charged = [mutant for mutant in MUTANTS if mutant.advice is None]
    assert len(charged) >= 60
    assert sum(mutant.cause is not None for mutant in MUTANTS) >= 45
    groups = [mutant for mutant in MUTANTS if mutant.group is not None]
    assert len(groups) >= 25
    for mutant in groups:
        assert mutant.group in {group.name for group in TASKS[mutant.task].groups}


def test_every_rewrite_applies() -> None:
    for mutant in MUTANTS:
        for source in changed_sources(mutant.rewrites).values():
            compile(source, str(mutant), "exec")
