"""Mistakes in a transformer are caught by their own task, and named."""

import pytest

from grading.driver.in_process import InProcessSubject
from grading.tests.mutants.failing import TRAINING, expect_caught_and_named, failed
from grading.tests.mutants.judging import TASKS
from grading.tests.mutants.module5 import MUTANTS
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.published_kind import KINDS, sees
from grading.tests.mutants.published_table import BLOCK, PAGE, table
from grading.tests.running import checks_of, failures
from tools.blocks import with_block


@pytest.mark.slow
@pytest.mark.measured("mutant")
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_caught_and_named(mutant: Mutant) -> None:
    expect_caught_and_named(mutant)


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
