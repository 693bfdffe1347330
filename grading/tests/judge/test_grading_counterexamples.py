"""The search for the counterexample of a report, with checks on functions of this file."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from grading.checking import textbook
from grading.checking.compare import expect_array
from grading.checking.finding import Finding, collecting, finding_of, note
from grading.checking.strategies import arrays, quarters, shapes
from grading.diagnosis.mistakes import Mistake
from grading.isolation.errors import CheckAbandoned, WorkerError
from grading.judge import counterexamples
from grading.judge.counterexamples import counterexample
from grading.protocol.messages import Array, Request, Response, SubjectError

PROFILE = settings(
    phases=[Phase.explicit, Phase.generate],
    database=None,
    derandomize=True,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

Function = Callable[[Array], Array]


def check_of(function: Function, permuted: bool = True) -> tuple[Any, list[Array]]:
    """Return a check that a function doubles its argument, and the list of its arguments."""
    arguments: list[Array] = []

    @PROFILE
    @given(x=shapes(1, 2).flatmap(functools.partial(arrays, permuted=permuted)))
    def check(x: Array) -> None:
        arguments.append(x)
        request = Request("test.double", (x,))
        expect_array(Response(request, (function(x),)), 2 * x)

    return check, arguments


def reported(check: Any, task: str = "none") -> tuple[Exception, list[Finding]]:
    """Run a check that fails; return the exception to report, and the findings."""
    with collecting() as findings:
        try:
            check()
        except Exception as error:
            return counterexample(task, check, check, error, findings), list(findings)
    raise AssertionError("the check passes")


def input_of(check: Any, task: str = "none") -> Array:
    """Return the reported input."""
    finding = finding_of(reported(check, task)[0])
    assert finding is not None
    return finding.request.arrays[0]


def without_last(x: Array) -> Array:
    return np.where(np.arange(x.size).reshape(x.shape) == x.size - 1, 0, 2 * x)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x, [1, 2, 3]),
        (without_last, [1, 2, 3]),
        (lambda x: 2 * x if x.ndim < 2 else x, [[1, 2, 3], [4, 5, 6]]),
        (lambda x: 2 * x if x.flags.c_contiguous else x, [[1, 2, 3], [4, 5, 6]]),
        (lambda x: 2 * abs(x), [1, -2, 3]),
        (lambda x: 2 * x + (x == 0), [0, 2, 3]),
    ],
    ids=["all", "last element", "two dimensions", "layout", "sign", "zero"],
)
def test_the_reported_input_is_a_textbook_example(
    function: Function, expected: list[float]
) -> None:
    check, _ = check_of(function)
    assert input_of(check).tolist() == expected


def test_a_mistake_with_fractions_is_shrunk_as_drawn() -> None:
    check, _ = check_of(lambda x: 2 * x + x % 1)
    assert sum(input_of(check) % 1 != 0) == 1


def test_the_search_is_the_same_for_the_same_seed() -> None:
    first, second = (check_of(lambda x: 2 * x if x.ndim < 2 else x) for _ in range(2))
    for check, _ in (first, second):
        input_of(check)
    assert all(map(np.array_equal, first[1], second[1]))


def test_the_settings_and_the_body_of_the_check_remain() -> None:
    check, _ = check_of(lambda x: x)
    before = check.hypothesis.inner_test, getattr(check, counterexamples.SETTINGS)
    input_of(check)
    assert before == (check.hypothesis.inner_test, getattr(check, counterexamples.SETTINGS))
    assert not textbook.is_active()


def test_an_explicit_input_is_reported_if_no_other_fails() -> None:
    @PROFILE
    @given(x=quarters)
    @example(x=7.125)
    def check(x: float) -> None:
        wrong = x + (x == 7.125)
        request = Request("test.same", (np.array([x]),))
        expect_array(Response(request, (np.array([wrong]),)), [x])

    assert input_of(check).tolist() == [7.125]


def explaining(when: Callable[[Array], bool | None], cause: str) -> Mistake:
    return Mistake(("none",), cause, lambda finding: when(finding.request.arrays[0]))


def test_an_input_is_preferred_that_one_mistake_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    mistakes = [
        explaining(lambda x: True, "the cause"),
        explaining(lambda x: x.ndim == 1, "only vectors"),
    ]
    monkeypatch.setattr(counterexamples, "MISTAKES", mistakes)
    check, _ = check_of(lambda x: x)
    assert input_of(check).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_an_input_is_preferred_that_rules_out_all_but_equivalent_mistakes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mistakes = [
        explaining(lambda x: True, "one"),
        explaining(lambda x: True, "another"),
        explaining(lambda x: x.ndim == 1, "only vectors"),
    ]
    monkeypatch.setattr(counterexamples, "MISTAKES", mistakes)
    check, _ = check_of(lambda x: x)
    assert input_of(check).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_an_input_is_preferred_whose_only_mistake_explains_the_other_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors = explaining(lambda x: x.ndim == 1, "only vectors")
    monkeypatch.setattr(counterexamples, "MISTAKES", [vectors])
    _, findings = reported(check_of(lambda x: 2 * x if x.ndim < 2 else x)[0])
    check, _ = check_of(lambda x: x)
    with collecting() as found:
        for each in findings:
            note(each)
        try:
            check()
        except AssertionError as error:
            finding = finding_of(counterexample("none", check, check, error, found))
    assert finding is not None
    assert finding.request.arrays[0].ndim == 2


def test_the_smallest_input_is_reported_if_all_are_ambiguous(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    causes = [explaining(lambda x: True, cause) for cause in ("one", "another")]
    monkeypatch.setattr(counterexamples, "MISTAKES", causes)
    check, _ = check_of(lambda x: x)
    assert input_of(check).tolist() == [1, 2, 3]


def test_a_model_that_fails_on_an_answer_does_not_end_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(x: Array) -> bool | None:
        raise TypeError("the answer has another form")

    monkeypatch.setattr(counterexamples, "MISTAKES", [explaining(failing, "the cause")])
    check, _ = check_of(lambda x: x)
    assert input_of(check).tolist() == [1, 2, 3]


REQUEST = Request("test.double")


@pytest.mark.parametrize(
    "raised",
    [
        WorkerError("TimedOut", "no answer", REQUEST),
        SubjectError(["NotImplementedError"], "write this", REQUEST),
    ],
    ids=["lost", "not implemented"],
)
def test_lost_workers_and_open_functions_start_no_search(raised: Exception) -> None:
    calls = []

    def function(x: Array) -> Array:
        calls.append(x)
        raise raised

    check, _ = check_of(function)
    error, _ = reported(check)
    assert error is raised
    # Hypothesis repeats the failing input once.
    assert len(calls) == 2


@pytest.mark.parametrize(
    "raised",
    [
        WorkerError("TimedOut", "no answer", REQUEST),
        CheckAbandoned(WorkerError("TimedOut", "no answer", REQUEST), "three timeouts"),
    ],
    ids=["lost", "abandoned"],
)
def test_a_lost_worker_ends_the_search(raised: BaseException) -> None:
    searched = []

    def function(x: Array) -> Array:
        if textbook.is_active():
            searched.append(x)
            raise raised
        return x

    check, _ = check_of(function)
    error, _ = reported(check)
    assert isinstance(error, AssertionError)
    assert len(searched) == 1


def test_the_search_adds_its_comparisons_to_the_findings() -> None:
    check, arguments = check_of(lambda x: 2 * x if x.ndim < 2 else x)
    _, findings = reported(check)
    assert len(findings) == len(arguments)


def test_a_check_without_drawn_inputs_is_not_repeated() -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        expect_array(Response(REQUEST, (np.zeros(1),)), [1.0])

    reported(check)
    assert calls == [1]
