"""Mistakes in a transformer are caught by their own task, and named."""

import re
from functools import cache

import pytest

from grading.checking.finding import collecting, finding_of
from grading.diagnosis import Answers, diagnose
from grading.driver.in_process import InProcessSubject
from grading.tests.mutants.in_process import mutated
from grading.tests.mutants.module5 import MUTANTS
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.published_kind import KINDS, sees
from grading.tests.mutants.published_table import BLOCK, PAGE, table
from grading.tests.mutants.test_grading_mutants import TASKS
from grading.tests.running import case_failure, cases_of, checks_of, failures
from tools.blocks import with_block

TRAINING = "test_loss_on_text"
"""The check that trains for half a minute."""

EXAMPLES = 12
"""Number of examples of each check: fewer than in a run of the grader."""


@cache
def failed(mutant: Mutant) -> tuple[set[str], set[str], list[Answers]]:
    """Return the groups and the checks of the mutant's task that fail, and all answers."""
    task = TASKS[mutant.task]
    groups, names, answers = set(), set(), []
    with mutated(mutant.rewrites) as subject:
        for check in checks_of(mutant.task):
            for case, parameters in cases_of(check):
                if check.__name__ == TRAINING:
                    continue
                with collecting() as found:
                    error = case_failure(check, parameters, subject, EXAMPLES)
                findings = list(found)
                if error is not None:
                    groups.add(task.group_of(check.__name__, case))
                    names.add(check.__name__)
                    wrong = finding_of(error)
                    findings += [] if wrong is None else [wrong]
                answers.append(Answers(f"{check.__name__}[{case}]", tuple(findings)))
    return groups, names, answers


@pytest.mark.slow
@pytest.mark.measured("mutant")
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_caught_and_named(mutant: Mutant) -> None:
    groups, _, answers = failed(mutant)
    assert mutant.group in groups
    if mutant.cause:
        causes = [each.cause for each in diagnose(mutant.task, answers)]
        assert any(re.search(mutant.cause, cause) for cause in causes), causes


@pytest.mark.slow
def test_every_required_check_catches_a_mistake() -> None:
    for task in ("5.1", "5.2", "5.3", "5.4", "5.5"):
        caught = {name for each in MUTANTS if each.task == task for name in failed(each)[1]}
        assert set(TASKS[task].checks.required) - caught - {TRAINING} == set()


def test_right_code_passes_the_checks() -> None:
    for task in ("5.1", "5.2", "5.3", "5.4", "5.5"):
        for check in checks_of(task):
            if check.__name__ != TRAINING:
                assert not list(failures(check, InProcessSubject(), 4)), check.__name__


def test_right_code_passes_tests_of_the_published_kind() -> None:
    assert not any(sees(task, InProcessSubject()) for task in KINDS)


@pytest.mark.slow
def test_the_table_of_the_published_kind_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_block(text, BLOCK, table()) == text
