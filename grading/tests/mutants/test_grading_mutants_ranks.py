"""Mistakes on several ranks are caught by their own task and named; right styles pass."""

from pathlib import Path

import pytest

from grading.driver.in_process import InProcessSubject
from grading.isolation import IsolatedSubject
from grading.protocol.messages import SubjectError
from grading.tests.mutants.failing import expect_caught_and_named, failed
from grading.tests.mutants.in_process import mutated
from grading.tests.mutants.judging import TASKS
from grading.tests.mutants.module6 import FILE, MUTANTS, STYLES, SUMMED
from grading.tests.mutants.mutant import Mutant
from grading.tests.mutants.rewriting import Rewrite, make_tree
from grading.tests.running import case_failure, cases_of, checks_of, failures

TASKS_OF_RANKS = ("6.1", "6.2")


@pytest.mark.slow
@pytest.mark.measured("mutant")
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_on_ranks_is_caught_and_named(mutant: Mutant) -> None:
    expect_caught_and_named(mutant)


@pytest.mark.slow
def test_every_check_of_ranks_catches_a_mistake() -> None:
    for task in TASKS_OF_RANKS:
        caught = {name for each in MUTANTS if each.task == task for name in failed(each)[1]}
        assert set(TASKS[task].checks.required) - caught == set()


@pytest.mark.parametrize("task", TASKS_OF_RANKS)
def test_right_code_on_ranks_passes(task: str) -> None:
    for check in checks_of(task):
        assert not list(failures(check, InProcessSubject(), 4)), check.__name__


@pytest.mark.measured("style")
@pytest.mark.parametrize(
    ("task", "changes"),
    STYLES.values(),
    ids=[f"{task}: {name}" for name, (task, _) in STYLES.items()],
)
def test_a_right_style_on_ranks_passes(task: str, changes: tuple[tuple[str, str], ...]) -> None:
    with mutated([Rewrite(FILE, old, new) for old, new in changes]) as subject:
        for check in checks_of(task):
            for case, parameters in cases_of(check):
                error = case_failure(check, parameters, subject, 4)
                assert error is None, (check.__name__, case, error)


def test_a_worker_reports_a_deadlock_at_once(tmp_path: Path) -> None:
    """In a worker, which has a copy of the simulator only, and without waiting for a time limit."""
    tree = make_tree(tmp_path / "tree", [Rewrite(FILE, "if rank % 2 == 0:", "if rank >= 0:")])
    (check,) = [each for each in checks_of("6.2") if each.__name__ == "test_sixteen_ranks"]
    with IsolatedSubject(tree) as worker:
        error = case_failure(check, {}, worker)
    assert isinstance(error, SubjectError)
    assert error.kinds[0] == "Deadlock"
    assert "rank 3 waits to send 3 elements to rank 4" in error.message


def test_an_exception_on_a_rank_is_that_of_the_submission() -> None:
    with mutated(
        [Rewrite(FILE, "    received = np.empty_like(chunks[0])\n", "    received = chunks[99]\n")]
    ) as subject:
        (check,) = [each for each in checks_of("6.2") if each.__name__ == "test_sixteen_ranks"]
        error = case_failure(check, {}, subject)
    assert isinstance(error, SubjectError)
    assert error.kinds[0] == "IndexError"


@pytest.mark.parametrize(
    "check", ["test_means_of_equal_parts", "test_training_equals_that_of_one_process"]
)
def test_missing_gradients_are_counted(check: str) -> None:
    missing = Rewrite(FILE, SUMMED, f"{SUMMED}    return []\n")
    (function,) = [each for each in checks_of("6.2") if each.__name__ == check]
    with mutated([missing]) as subject:
        error = case_failure(function, cases_of(function)[0][1], subject, 3)
    assert isinstance(error, SubjectError)
    assert "`average_gradients` returned a list of 0 arrays, expected 1: one for" in error.message
