"""Checks run in the judge: what became of each is kept, and the seed decides what is drawn."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.driver.in_process import InProcessSubject
from grading.isolation import IsolatedSubject, Limits
from grading.isolation.errors import WorkerError
from grading.judge.counterexamples import SETTINGS
from grading.judge.decide import GroupEvidence, decide
from grading.judge.recorder import Outcome, Recorder, RunOptions
from grading.judge.records import CheckResult, Status
from grading.judge.session import SessionError, run_checks
from grading.judge.subjects import OutOfTimeError, Subjects
from grading.judge.verdict import check_results
from grading.phases import SEARCH, measuring
from grading.protocol.messages import DriverError, Request, Response, SubjectError
from grading.tasks.model import Checks, Group, Task, split_selector
from grading.tasks.table import table

TASK = table().task("0.3")
SELECTORS = [*(each for group in TASK.groups for each in group.checks), *TASK.checks.advice]
SEED = 3


def subjects(answer: Callable[[Request], Response]) -> Subjects:
    """Return subjects that answer in this process."""
    worker = SimpleNamespace(
        answer=answer,
        begin_check=lambda limits=None: None,
        end_worker=lambda: None,
        seconds=0.0,
        folder=None,
        level=SimpleNamespace(name="none", undefended=()),
    )
    return Subjects(lambda _: cast(IsolatedSubject, worker))


def right(request: Request) -> Response:
    if request.operation == "learners_tests.run":
        # There is no file of tests: they would run on copies of a submission.
        return Response(request, plain=None)
    return InProcessSubject().answer(request)


def without_the_first(request: Request) -> Response:
    """Sum all but the first number."""
    answer = right(request)
    if request.options.get("function") == "sum" and request.arrays[0].size:
        wrong = np.asarray(answer.arrays[0] - request.arrays[0][0])
        return Response(request, (wrong,))
    return answer


def judged(
    answer: Callable[[Request], Response], *names: str, task: Task = TASK, again: bool = True
) -> tuple[dict[str, CheckResult], list[Outcome]]:
    """Run checks, and once more those that fail; return results by name, and outcomes."""
    with subjects(answer) as there:
        outcomes = run_checks(task, there, SEED, RunOptions(), names)
        failed = [outcome.check for outcome in outcomes if outcome.error is not None]
        repeated = (
            run_checks(task, there, SEED, RunOptions(False), failed) if failed and again else []
        )
    results = check_results(task, outcomes, repeated)
    return {check.name: check for check in results}, outcomes


def test_every_check_of_the_table_runs() -> None:
    results, _ = judged(right)
    assert sorted(results) == sorted(SELECTORS)
    assert {check.status for check in results.values()} == {Status.PASSED}


def test_the_name_of_each_check_is_reported_before_it_runs() -> None:
    begun: list[str] = []
    with subjects(right) as there:
        outcomes = run_checks(TASK, there, SEED, RunOptions(shrink=False, begins=begun.append))
    assert list(dict.fromkeys(begun)) == list(dict.fromkeys(each.check for each in outcomes))


@pytest.mark.parametrize(
    ("edition", "counts"), [("packages", True), ("2022", True), ("2024", False)]
)
def test_a_check_counts_for_the_editions_that_promise_it(edition: str, counts: bool) -> None:
    def wrong_in_the_middle(request: Request) -> Response:
        answer = right(request)
        if request.options.get("function") != "reduce" or request.options.get("fn") != "middle":
            return answer
        return Response(request, (answer.arrays[0] + 1.0,))

    task = TASK.for_edition(edition)
    with subjects(wrong_in_the_middle) as there:
        outcomes = run_checks(task, there, SEED, RunOptions(shrink=False))
    (failed,) = [each for each in check_results(task, outcomes) if each.status is Status.FAILED]
    assert (failed.name, failed.required) == ("test_reduce_from_the_left", counts)
    assert bool(task.group_of(failed.name)) == counts


def test_a_wrong_result_is_shrunk_and_explained() -> None:
    with measuring() as phases:
        results, _ = judged(without_the_first, "test_sum")
    assert SEARCH in phases.seconds
    check = results["test_sum"]
    assert check.status is Status.FAILED
    assert check.fault is not None
    # A `reduce` that returns f(start, last element) also gives 3 for [2., 3.].
    assert "shape (3,):\n    [2., 3., 4.]" in check.fault.request
    assert (check.fault.name, check.fault.index) == ("the result", ())
    assert (check.fault.expected, check.fault.received) == ("9.", "7.")
    assert check.again == "same failure"


def test_the_seed_decides_what_is_drawn() -> None:
    def drawn(seed: int) -> list[str]:
        requests: list[str] = []

        def remember(request: Request) -> Response:
            requests.append(str(request))
            return right(request)

        with subjects(remember) as there:
            run_checks(TASK, there, seed, RunOptions(), ["test_sum"])
        return requests

    assert drawn(1) == drawn(1) != drawn(2)


def test_the_seed_replaces_deterministic_draws_of_hypothesis() -> None:
    """It does not where a variable CI is set, as on the machines that grade for GitHub."""

    @settings(derandomize=True)
    @given(st.integers())
    def check(x: int) -> None:
        assert x == x

    with subjects(right) as there:
        recorder = Recorder(TASK, there, RunOptions())
        recorder.pytest_runtest_protocol(
            cast(pytest.Item, SimpleNamespace(obj=check, name="check"))
        )
    assert getattr(check, SETTINGS).derandomize is False


def test_constants_of_modules_that_are_imported_meanwhile_are_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one seed would not be one set of inputs for a whole class."""
    source = "\n".join(f"N{i} = {i / 8 + 1 / 256}" for i in range(400))
    (tmp_path / "many_constants.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    def drawn(*, importing: bool) -> list[str]:
        requests: list[str] = []

        def remember(request: Request) -> Response:
            if importing:
                importlib.import_module("many_constants")
            requests.append(str(request))
            return right(request)

        with subjects(remember) as there:
            run_checks(TASK, there, SEED, RunOptions(), ["test_sum"])
        return requests

    assert drawn(importing=False) == drawn(importing=True)


def test_a_stub_is_not_implemented_and_not_wrong() -> None:
    def stub(request: Request) -> Response:
        raise SubjectError(["NotImplementedError", "Exception"], "task 0.3", request)

    results, _ = judged(stub, "test_sum", "test_prod")
    assert results["test_sum"].status is Status.UNIMPLEMENTED


def test_a_worker_that_is_lost_once_costs_nothing() -> None:
    lost: list[Request] = []

    def fail_once(request: Request) -> Response:
        if not lost:
            lost.append(request)
            raise WorkerError("TimedOut", "no answer", request)
        return right(request)

    results, _ = judged(fail_once, "test_sum")
    check = results["test_sum"]
    assert check.status is Status.PASSED
    assert "second run: passed" in check.reason


def test_changing_results_are_reported_as_flaky() -> None:
    wrong: list[Request] = []

    def once(request: Request) -> Response:
        if not wrong and request.arrays[0].any():
            wrong.append(request)
            return without_the_first(request)
        return right(request)

    results, _ = judged(once, "test_sum")
    check = results["test_sum"]
    assert check.status is Status.FAILED
    assert check.fault is not None
    assert check.fault.sentence.startswith("same input, different answers: once, ")
    assert check.again == "passed: same input, different answers"


def test_an_invalid_response_is_a_harness_error() -> None:
    def broken(request: Request) -> Response:
        raise KeyError("the judge's own")

    results, _ = judged(broken, "test_sum")
    check = results["test_sum"]
    assert check.status is Status.ERROR
    assert "KeyError" in check.reason


def with_checks(*required: str, advice: dict[str, str] | None = None) -> Task:
    """Return the task with other checks, the required ones in one group."""
    groups = (Group("sum", 10, required),) if required else ()
    return msgspec.structs.replace(
        TASK, checks=Checks(dict.fromkeys(required, "2024"), advice or {}), groups=groups
    )


def test_a_check_that_did_not_run_is_an_error_and_not_a_zero() -> None:
    results = check_results(with_checks(*TASK.checks.required, "test_of_the_moon"), [])
    assert decide(GroupEvidence(checks=results)) is Status.ERROR
    assert {check.status for check in results} == {Status.ERROR}


def test_a_check_that_is_not_in_the_table_is_an_error() -> None:
    known = [Outcome(*split_selector(selector)) for selector in SELECTORS]
    results = check_results(TASK, [*known, Outcome("test_of_the_moon")])
    assert {check.name for check in results if check.status is Status.ERROR} == {"test_of_the_moon"}


def test_a_case_that_is_in_no_group_is_an_error() -> None:
    known = [Outcome("test_sum", "a"), Outcome("test_sum", "b-1")]
    results = check_results(with_checks("test_sum[a]", "test_sum[b]"), known)
    assert {check.status for check in results} == {Status.PASSED}
    results = check_results(with_checks("test_sum[a]"), known)
    assert [check.status for check in results] == [Status.PASSED, Status.ERROR]


def test_an_unknown_check_is_a_harness_error() -> None:
    with subjects(right) as there, pytest.raises(SessionError, match=r"task 0\.3"):
        run_checks(TASK, there, SEED, RunOptions(), ["test_of_the_moon"])


def test_the_environment_does_not_reach_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only -k nothing")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    results, _ = judged(right, "test_prod")
    assert results["test_prod"].status is Status.PASSED


def outcome(name: str, error: BaseException | None = None, **more: Any) -> Outcome:
    return Outcome(name, error=error, **more)


REQUEST = Request("operators.lists")


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (WorkerError("TimedOut", "", REQUEST), None, Status.PASSED),
        (WorkerError("TimedOut", "", REQUEST), WorkerError("TimedOut", "", REQUEST), Status.FAILED),
        (SubjectError(["ValueError"], "", REQUEST), None, Status.FAILED),
        (AssertionError("wrong"), None, Status.FAILED),
        (KeyError("harness"), None, Status.ERROR),
    ],
)
def test_only_lost_workers_cause_a_second_run(
    first: BaseException, second: BaseException | None, status: Status
) -> None:
    task = with_checks("test_sum")
    (check,) = check_results(task, [outcome("test_sum", first)], [outcome("test_sum", second)])
    assert check.status is status


def test_a_timeout_is_not_flaky() -> None:
    """Hypothesis asks once more, and is answered or refused; the worker gave no other answer."""
    requests: list[Request] = []

    def once(request: Request) -> Response:
        requests.append(request)
        if len(requests) == 1:
            raise WorkerError("TooMuchOutput", "more than 16 MiB were printed", request)
        return right(request)

    results, _ = judged(once, "test_sum", again=False)
    fault = results["test_sum"].fault
    assert fault is not None
    assert fault.sentence == "the code printed too much"


def test_the_graders_own_exception_is_an_error_and_never_a_zero() -> None:
    def fails(request: Request) -> Response:
        raise DriverError(
            ["KeyError", "Exception"], "'formula'", request, [("driver/x.py", 7, "f")]
        )

    requests: list[Request] = []

    def once(request: Request) -> Response:
        requests.append(request)
        return fails(request) if len(requests) == 1 else right(request)

    for answer in (fails, once):
        results, _ = judged(answer, "test_sum", again=False)
        assert results["test_sum"].status is Status.ERROR
        assert "KeyError: 'formula' at driver/x.py:7" in results["test_sum"].reason


def test_the_worst_case_of_several_counts() -> None:
    task = with_checks("test_sum")
    wrong = outcome("test_sum", AssertionError("wrong"), case="b")
    (check,) = check_results(task, [outcome("test_sum", case="a"), wrong])
    assert (check.status, check.case, check.cases) == (Status.FAILED, "b", 2)


def test_an_advice_that_is_not_followed_costs_nothing() -> None:
    task = with_checks("test_sum", advice={"test_prod": "why"})
    results = check_results(task, [outcome("test_sum"), outcome("test_prod", AssertionError("no"))])
    assert [check.status for check in results] == [Status.PASSED, Status.FAILED]
    assert [check.required for check in results] == [True, False]


def test_a_check_may_be_skipped_only_for_the_reasons_that_are_known() -> None:
    task = with_checks("test_sum")
    (known,) = check_results(task, [outcome("test_sum", skipped="not judged here: no GPU")])
    (other,) = check_results(task, [outcome("test_sum", skipped="no mood")])
    assert (known.status, known.reason) == (Status.NOT_JUDGED, "no GPU")
    assert other.status is Status.ERROR


def test_every_task_has_its_time_limit() -> None:
    given: list[Limits] = []
    worker = SimpleNamespace(
        begin_check=given.append, end_worker=lambda: None, seconds=0.0, folder=None
    )
    with Subjects(lambda _: cast(IsolatedSubject, worker), total_seconds=7440.0) as there:
        there.begin_task(60.0, 1000)
        there.on("cpu")
        there.begin_task(1800.0, 2500)
        worker.seconds = 100.0
        there.begin_check()
    assert [limits.total_seconds for limits in given] == [7440.0, 7440.0]
    assert [limits.memory_mb for limits in given] == [1000, 2500]
    assert [limits.check_seconds for limits in given] == [60.0, 1700.0]


def test_a_task_without_time_sends_no_requests() -> None:
    worker = SimpleNamespace(
        begin_check=lambda limits: None,
        end_worker=lambda: None,
        seconds=0.0,
        folder=None,
        answer=right,
    )
    with Subjects(lambda _: cast(IsolatedSubject, worker)) as there:
        there.begin_task(60.0, 1000)
        subject = there.on("cpu")
        worker.seconds = 60.0
        with pytest.raises(OutOfTimeError, match="the 60 s of processor time of this task"):
            subject.call("operators.each", [np.ones(1)], {"formula": "neg"})
        there.begin_task(60.0, 1000)
        subject.call("operators.each", [np.ones(1)], {"formula": "neg"})


def test_without_explanation_a_failure_ends_only_its_group() -> None:
    def wrong_lists(request: Request) -> Response:
        return (
            without_the_first(request) if request.options["function"] == "sum" else right(request)
        )

    options = RunOptions(fail_fast=frozenset({"sum", "prod"}))
    with subjects(wrong_lists) as there:
        outcomes = run_checks(TASK, there, SEED, options)
    results = {check.name: check for check in check_results(TASK, outcomes, (), options.fail_fast)}
    assert results["test_sum"].status is Status.FAILED
    left_out = results["test_sum_of_concatenated_lists"]
    assert (left_out.status, left_out.reason) == (
        Status.NOT_JUDGED,
        "skipped, because sum fails",
    )
    assert results["test_prod"].status is Status.PASSED
