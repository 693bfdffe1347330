"""Needs of groups are complete: a broken function fails its own and dependent checks only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.isolation import IsolatedSubject, Limits
from grading.protocol.messages import Subject
from grading.tasks.model import Group, Task, selects
from grading.tasks.table import table
from grading.tests.mutants.reach import LARGER
from grading.tests.mutants.rewriting import make_broken_tree
from grading.tests.running import case_fails, cases_of, checks_of

EXAMPLES = 5

SKIPPED = (
    *LARGER,
    "test_your_tests",
    "test_accuracy_after",
    "test_loss_on",
    "test_short_training",
)
"""Prefixes of checks that repeat other checks, or take minutes."""

UNCHECKED = {
    "mt_tensor.operators:ln",
    "mt_tensor.operators:ln_back",
    "mt_autodiff.functions.elementwise:Ln.forward",
    "mt_autodiff.functions.elementwise:Ln.backward",
    "mt_autodiff.functions.reductions:All.backward",
    "mt_nn.functional.maximum:argmax",
}
"""Functions without a required check in their task, because no edition promises them."""


def is_judged(task: Task) -> bool:
    return task.device == "cpu" and not task.id.endswith(".5")


HOLES = [(task.id, hole) for task in table().tasks if is_judged(task) for hole in task.holes]


@pytest.fixture
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """The packages with one function that raises, in a worker."""
    tree = make_broken_tree(tmp_path / "tree", request.param)
    limits = Limits(memory_mb=4000)
    with IsolatedSubject(tree, environment={"NUMBA_DISABLE_JIT": "1"}, limits=limits) as worker:
        yield worker


def fails(task: Task, group: Group, subject: Subject) -> bool:
    """Return whether a check of a group fails."""
    for check in checks_of(task.id):
        if check.__name__.startswith(SKIPPED):
            continue
        for case, parameters in cases_of(check):
            of_group = any(selects(entry, check.__name__, case) for entry in group.checks)
            if of_group and case_fails(check, parameters, subject, EXAMPLES):
                return True
    return False


def unexpected(task: Task, hole: str, module: int, subject: Subject) -> list[str]:
    """Return the groups of a module that fail without a function and do not say that they need it.

    Groups that say so are not run.
    """
    tasks = table()
    owners = {(task.id, group.name) for group in task.groups if group.judges(hole)}
    return [
        f"{of.id}/{group.name}"
        for of in tasks.in_module(module)
        if is_judged(of) and tasks.tasks.index(of) >= tasks.tasks.index(task)
        for group in of.groups
        if (of.id, group.name) not in owners
        and not owners & {(each.id, one.name) for each, one in tasks.needs(of, group)}
        and fails(of, group, subject)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("id", "hole", "broken"),
    [(id, hole, hole) for id, hole in HOLES],
    ids=[f"{id} {hole}" for id, hole in HOLES],
    indirect=["broken"],
)
def test_checks_that_fail_without_a_function_belong_to_it_or_need_it(
    id: str, hole: str, broken: Subject
) -> None:
    task = table().task(id)
    assert unexpected(task, hole, task.module, broken) == []
    owners = [group for group in task.groups if group.judges(hole)]
    assert hole in UNCHECKED or any(fails(task, group, broken) for group in owners)


@pytest.mark.long
@pytest.mark.parametrize(
    ("id", "hole", "broken"),
    [(id, hole, hole) for id, hole in HOLES],
    ids=[f"{id} {hole}" for id, hole in HOLES],
    indirect=["broken"],
)
def test_needs_are_complete_in_later_modules(id: str, hole: str, broken: Subject) -> None:
    task = table().task(id)
    later = [each.number for each in table().modules if each.number > task.module]
    assert [unexpected(task, hole, module, broken) for module in later] == [[] for _ in later]
