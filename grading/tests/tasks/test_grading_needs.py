"""Needs of groups are complete: a broken function fails its own and dependent checks only."""

from pathlib import Path

import pytest

from grading.protocol.messages import Subject
from grading.tasks.model import Group, Task, selects
from grading.tasks.table import table
from grading.tests.forks import in_fork
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


def of_its_module(subject: Subject, id: str, hole: str) -> tuple[list[str], bool]:
    """Return unexpected groups of the module, and whether a check that judges the function fails.

    Runs in a fork.
    """
    task = table().task(id)
    owners = [group for group in task.groups if group.judges(hole)]
    found = any(fails(task, group, subject) for group in owners)
    return unexpected(task, hole, task.module, subject), found


def of_later_modules(subject: Subject, id: str, hole: str) -> list[list[str]]:
    """Return unexpected groups of each later module; runs in a fork."""
    task = table().task(id)
    later = [each.number for each in table().modules if each.number > task.module]
    return [unexpected(task, hole, module, subject) for module in later]


EVERY_HOLE = pytest.mark.parametrize(
    ("id", "hole"), HOLES, ids=[f"{id} {hole}" for id, hole in HOLES]
)


@pytest.mark.slow
@EVERY_HOLE
def test_checks_that_fail_without_a_function_belong_to_it_or_need_it(
    id: str, hole: str, tmp_path: Path
) -> None:
    groups, found = in_fork(of_its_module, make_broken_tree(tmp_path, hole), id, hole)
    assert groups == []
    assert found or hole in UNCHECKED


@pytest.mark.long
@EVERY_HOLE
def test_needs_are_complete_in_later_modules(id: str, hole: str, tmp_path: Path) -> None:
    found = in_fork(of_later_modules, make_broken_tree(tmp_path, hole), id, hole)
    assert found == [[] for _ in found]
