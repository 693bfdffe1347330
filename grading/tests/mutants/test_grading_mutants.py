"""Mistakes of learners are caught by their own task and no earlier one."""

import collections
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.isolation import IsolatedSubject, Limits
from grading.protocol.messages import Subject
from grading.tasks.table import load
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
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.reach import Reach, reach_of, reaches
from grading.tests.mutants.rewriting import ROOT, changed_sources, make_tree
from grading.tests.running import Check, Failure, checks_of, failures

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
IN_WORKERS = [mutant for mutant in MUTANTS if not mutant.task.startswith(("5.", "6."))]
"""All but those of modules 5 and 6, which other files of this folder run in one process."""
TASKS = {task.id: task for task in load(ROOT / "grading" / "tasks.toml").tasks}
ON_PROCESSOR = [
    task.id
    for task in TASKS.values()
    if task.device == "cpu" and not task.id.endswith((".5", "0.5"))
]
EXAMPLES = 20
"""Number of examples of each check: fewer than in a run of the grader."""
EXAMPLES_OF_A_GROUP = 50
"""Number of examples if the checks of one group run: as many as in a run of the grader."""


@pytest.fixture(scope="session")
def reach() -> Reach:
    """The functions that the checks of each task run."""
    return reach_of(ON_PROCESSOR)


@pytest.fixture
def subject(mutant: Mutant, tmp_path: Path) -> Iterator[Subject]:
    """The packages with the mistake, in a worker."""
    environment = {} if mutant.compiled else {"NUMBA_DISABLE_JIT": "1"}
    if mutant.simulated:
        environment["NUMBA_ENABLE_CUDASIM"] = "1"
    tree = make_tree(tmp_path / "tree", mutant.rewrites)
    limits = Limits(memory_mb=4000)
    with IsolatedSubject(tree, environment=environment, limits=limits) as worker:
        yield worker


def judged(task: str, advice: str | None = None) -> list[Check]:
    """Return the checks of a task that count, or an advice; all of them if none counts."""
    names = TASKS[task].checks.required if advice is None else (advice,)
    return [check for check in checks_of(task) if check.__name__ in names] or checks_of(task)


def first_failure(
    task: str,
    subject: Subject,
    only: str | None = None,
    advice: str | None = None,
    group: str | None = None,
) -> Failure | None:
    """Run the checks of a task until one fails; hypothesis looks for a small example."""
    for check in judged(task, advice):
        name = check.__name__
        if only not in (None, name):
            continue

        def selected(case: str, name: str = name) -> bool:
            return group in (None, TASKS[task].group_of(name, case))

        examples = EXAMPLES if group is None else EXAMPLES_OF_A_GROUP
        for failure in failures(check, subject, examples, shrink=True, selected=selected):
            return failure
    return None


@pytest.mark.slow
@pytest.mark.measured("mutant")
@pytest.mark.parametrize("mutant", IN_WORKERS, ids=str)
def test_a_mutant_fails_its_task_and_no_earlier_one(
    mutant: Mutant, subject: Subject, reach: Reach
) -> None:
    for task in ON_PROCESSOR[: _position(mutant.task)]:
        if reaches(reach[task], mutant):
            assert first_failure(task, subject) is None, f"caught by {task}"
    if mutant.advice is not None:
        assert first_failure(mutant.task, subject) is None, "charged"
    failure = first_failure(mutant.task, subject, mutant.check, mutant.advice, mutant.group)
    assert failure is not None, "not caught"


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
