"""The measurement of likely causes, its page, and the causes in the results of a task."""

import collections
from pathlib import Path

import numpy as np
import pytest

from grading.checking.compare import MismatchError, expect_array
from grading.checking.finding import Finding
from grading.diagnosis import Diagnosis
from grading.judge.causes import with_causes
from grading.judge.recorder import Outcome
from grading.judge.records import CheckResult, Fault, Status
from grading.protocol.messages import Request, Response
from grading.tasks.table import table
from grading.tests.causes import page
from grading.tests.causes.cases import KNOWN, UNTUNED, Case, Results, measure, merged, outcome_of
from grading.tests.causes.generated import generated
from grading.tests.mutants.rewriting import changed_sources


def failed(check: str, case: str, pair: tuple[float, float], received: float) -> Outcome:
    """Return the outcome of a check of a product that fails."""
    columns = tuple(np.array([x]) for x in pair)
    request = Request("operators.each", columns, {"formula": "mul"})
    with pytest.raises(MismatchError) as raised:
        expect_array(Response(request, (np.array([received]),)), [pair[0] * pair[1]])
    finding: Finding = raised.value.finding
    return Outcome(check, case, error=raised.value, findings=(finding,))


FAILED = tuple(
    CheckResult(name, Status.FAILED, fault=Fault("the result is wrong"))
    for name in ("test_functions_of_two_numbers[mul]", "test_edge_cases", "test_equal_numbers")
)


def test_a_cause_is_named_once_with_the_checks_that_it_explains() -> None:
    outcomes = [
        failed("test_functions_of_two_numbers", "mul", (2.0, 3.0), 5.0),
        failed("test_edge_cases", "", (4.0, 5.0), 9.0),
    ]
    first, second, third = with_causes(table().task("0.1"), FAILED, outcomes)
    assert first.fault is not None and second.fault is not None and third.fault is not None
    named = "`mul` adds. This also explains the failed check “edge cases”."
    assert first.fault.cause == named
    assert "the check “functions of two numbers" in second.fault.cause
    assert (third.fault.cause, third.fault.known) == ("", "")


def test_a_check_without_a_cause_says_what_is_known() -> None:
    outcomes = [failed("test_edge_cases", "", (4.0, 5.0), 60.0)]
    _, second, _ = with_causes(table().task("0.1"), FAILED, outcomes)
    assert second.fault is not None
    assert second.fault.cause == ""
    assert second.fault.known == "Every element is 3 times the expected one."


@pytest.mark.parametrize(
    ("causes", "outcome"),
    [
        (["`lt` computes less than or equal."], "right"),
        (["`lt` computes less than or equal.", "`mul` adds."], "wrong"),
        (["`mul` adds."], "wrong"),
        ([], "not caught"),
    ],
)
def test_outcome_of_a_mutant(causes: list[str], outcome: str) -> None:
    mutant = next(each for each in KNOWN if each.cause == "less than or equal")
    found = [Diagnosis(cause, ("a",)) for cause in causes]
    assert outcome_of(mutant, [], found) == outcome


def test_untuned_mistakes_concern_all_modules() -> None:
    counts = collections.Counter(mutant.task[0] for mutant in UNTUNED)
    assert len(UNTUNED) >= 12
    assert set(counts) == set("01234")
    for mutant in UNTUNED:
        assert mutant.cause is not None
        for source in changed_sources(mutant.rewrites).values():
            compile(source, str(mutant), "exec")


def test_generic_mistakes_are_drawn_from_all_changes_of_the_right_solutions() -> None:
    for task_id in ("0.4", "1.1", "2.2"):
        changes = {mutant.name: mutant.rewrites for mutant in generated(task_id)}
        for mutant in UNTUNED:
            if mutant.task == task_id:
                assert changes[mutant.name] == mutant.rewrites


def test_shares_are_of_the_caught_mistakes() -> None:
    cases = [
        Case("0.1: a", 1, "right", ("x",)),
        Case("0.1: b", 1, "unnamed", ()),
        Case("0.1: c", 1, "not caught", ()),
        Case("4.1: d", 1, "wrong", ("y",), untuned=True),
    ]
    text = page.tables(cases)
    assert "| module 0 | 1 (50 %) | 0 (0 %) | 1 (50 %) | 1 |" in text
    assert "| **all** | 0 (0 %) | 1 (100 %) | 0 (0 %) |  |" in text


def test_equal_causes_of_two_seeds_are_counted() -> None:
    cases = [
        Case("0.1: a", 1, "right", ("x",)),
        Case("0.1: a", 2, "right", ("x",)),
        Case("0.1: b", 1, "right", ("x",)),
        Case("0.1: b", 2, "wrong", ("y",)),
    ]
    assert page.agreement(cases).startswith("2 mistakes were measured with several seeds; 1 got")


def test_a_later_result_replaces_an_earlier_one() -> None:
    name = str(KNOWN[0])
    old, new = (Case(name, 1, outcome, ()) for outcome in ("unnamed", "right"))
    assert merged([old, new, Case("9.9: gone", 1, "right", ())]) == (new,)


def test_the_published_page_contains_the_published_results() -> None:
    results = Results.read(page.FILE)
    assert results is not None
    assert {case.mutant for case in results.cases} == {str(each) for each in [*KNOWN, *UNTUNED]}
    assert page.block(results) in page.PAGE.read_text("utf-8")
    shares = collections.Counter(case.outcome for case in results.cases if not case.untuned)
    caught = shares.total() - shares["not caught"]
    assert shares["right"] >= 0.85 * caught
    assert shares["wrong"] <= 0.02 * caught


SAMPLE = (
    "0.1: relu_back ignores the upstream gradient",
    "1.3: the chain rule ignores the upstream gradient",
    "1.4: 27, EQ.backward, line 180: change a constant",
    "2.2: a size of 1 keeps the large index",
    "4.3: windows are viewed before they are contiguous",
    "4.4: the maxima of the windows have no gradient",
    "4.4: softmax does not divide",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_the_cause_of_a_mutant_is_named(name: str, tmp_path: Path) -> None:
    mutant = next(each for each in KNOWN if str(each) == name)
    case = measure(mutant, 5, tmp_path)
    assert case.outcome == "right", case.causes
