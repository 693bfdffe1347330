"""Runs on few versions and tests give the result of running all tests on all versions."""

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import MismatchError
from grading.mutation import check_tests_detect_mutants, check_tests_pass
from grading.mutation.mutants import MUTANTS
from grading.protocol.messages import Request, Response, Subject, SubjectError

TASK = "0.2"
FUNCTIONS = sorted({mutant.function for mutant in MUTANTS[TASK]})
TESTS = ["test_a", "test_b", "test_c"]

Failing = dict[str, set[str]]
"""For each test, the expressions of the versions on which it fails."""


class Outcomes(Subject):
    """A subject that answers with outcomes of tests from a table.

    Args:
        folder: A submission.
        failing: The table.
        calls: For each test the functions that it calls.
        expression: The version; empty for the unchanged code.
        lost: Versions whose run without the compiler raises an error.

    Attributes:
        compiled: True for a copy with the compiler.
        runs: The versions that ran, and whether with the compiler.
    """

    def __init__(
        self,
        folder: Path,
        failing: Failing,
        calls: Mapping[str, set[str]],
        expression: str = "",
        lost: Container[str] = (),
    ) -> None:
        self.folder = folder
        self.failing = failing
        self.calls = calls
        self.expression = expression
        self.lost = lost
        self.compiled = True
        self.requests: list[Request] = []
        self.runs: list[tuple[str, bool]] = []

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        self.runs.append((self.expression, self.compiled))
        if not self.compiled and self.expression in self.lost:
            raise SubjectError(["TimedOut"], "did not return", request)
        names, outcomes = request.options["names"], {}
        for test in TESTS if names is None else [test for test in TESTS if test in names]:
            outcomes[test] = "wrong" if self.expression in self.failing[test] else "passed"
            if names is not None and outcomes[test] != "passed":
                break
        calls = {
            function: [test for test in TESTS if function.split(":")[1] in self.calls[test]]
            for function in request.options["watched"]
        }
        return Response(request, plain={"outcomes": outcomes, "calls": calls})

    @contextmanager
    def changed(self, sources: Mapping[str, str], compiled: bool = True) -> Iterator[Subject]:
        text = "".join(sources.values())
        expression = text.partition("    version = ")[2].partition("\n")[0]
        copy = Outcomes(self.folder or Path(), self.failing, self.calls, expression, self.lost)
        copy.compiled, copy.runs = compiled, self.runs
        yield copy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission with a file of operators."""
    folder = tmp_path_factory.mktemp("submission")
    (folder / "minitorch").mkdir()
    for name in ("__init__", "operators", "nn"):
        (folder / "minitorch" / f"{name}.py").write_text("", encoding="utf-8")
    return folder


@st.composite
def tables(draw: st.DrawFn) -> tuple[Failing, dict[str, set[str]]]:
    """Draw a table of outcomes; the equivalent mutants of a function have equal outcomes."""
    calls = {test: draw(st.sets(st.sampled_from(FUNCTIONS))) for test in TESTS}
    failing: Failing = {test: set() for test in TESTS}
    for test in TESTS:
        for function in sorted(calls[test]):
            mutants = [mutant for mutant in MUTANTS[TASK] if mutant.function == function]
            failing[test].update(each.expression for each in mutants if draw(st.booleans()))
            if draw(st.integers(0, 5)) == 0:
                failing[test].update(each.equivalent for each in mutants)
    return failing, calls


@given(table=tables())
def test_same_mutants_as_with_all_tests_on_all_versions(
    folder: Path, table: tuple[Failing, dict[str, set[str]]]
) -> None:
    failing, calls = table
    equivalents = {mutant.equivalent for mutant in MUTANTS[TASK]}
    counting = [test for test in TESTS if not failing[test] & equivalents]
    undetected = [
        mutant.mistake
        for mutant in MUTANTS[TASK]
        if all(mutant.expression not in failing[test] for test in counting)
    ]
    subject = Outcomes(folder, failing, calls)
    if not undetected:
        check_tests_detect_mutants(subject, TASK)
        return
    with pytest.raises(MismatchError) as caught:
        check_tests_detect_mutants(subject, TASK)
    sentence = caught.value.finding.sentence
    assert f"detect {len(MUTANTS[TASK]) - len(undetected)} of " in sentence
    for mutant in MUTANTS[TASK]:
        assert (mutant.mistake in sentence) == (mutant.mistake in undetected)
    for test in TESTS:
        assert (test in sentence) == (test not in counting)


def test_unchanged_code_runs_once_for_both_checks(folder: Path) -> None:
    failing = {
        "test_a": {each.expression for each in MUTANTS[TASK]},
        "test_b": set(),
        "test_c": set(),
    }
    subject = Outcomes(folder, failing, {test: set(FUNCTIONS) for test in TESTS})
    assert check_tests_pass(subject, TASK) is not None
    check_tests_detect_mutants(subject, TASK)
    assert len(subject.requests) == 1


def test_versions_without_the_compiler(folder: Path) -> None:
    mutants = MUTANTS["4.4"]
    wrong = {mutant.expression for mutant in mutants}
    calls = {test: {"max"} for test in TESTS}
    table = {"test_a": wrong, "test_b": set[str](), "test_c": set[str]()}
    subject = Outcomes(folder, table, calls)
    check_tests_detect_mutants(subject, "4.4")
    assert subject.runs[:2] == [("", True), ("", False)]
    assert {compiled for _, compiled in subject.runs[2:]} == {False}
    # A version that does not end without the compiler runs again with it.
    slow = mutants[0].expression
    subject = Outcomes(folder, table, calls, lost=[slow])
    check_tests_detect_mutants(subject, "4.4")
    assert [compiled for version, compiled in subject.runs if version == slow] == [False, True]
    # Tests that need the compiler run with it on all versions.
    subject = Outcomes(folder, table, calls, lost=[""])
    check_tests_detect_mutants(subject, "4.4")
    assert {compiled for _, compiled in subject.runs[2:]} == {True}
    # The tests of other tasks call no kernels.
    wrong = {mutant.expression for mutant in MUTANTS[TASK]}
    subject = Outcomes(folder, {**table, "test_a": wrong}, {test: set(FUNCTIONS) for test in TESTS})
    check_tests_detect_mutants(subject, TASK)
    assert {compiled for _, compiled in subject.runs} == {True}


@pytest.mark.parametrize("plain", [[], {}, {"outcomes": {"test": 1}}, {"outcomes": []}, "text"])
def test_invalid_outcomes(folder: Path, plain: object) -> None:
    class Invalid(Outcomes):
        def answer(self, request: Request) -> Response:
            return Response(request, plain=plain)

    with pytest.raises(MismatchError, match="no valid result"):
        check_tests_pass(Invalid(folder, {}, {}), TASK)


@pytest.mark.parametrize("calls", [None, [], {"mul": "test"}, {"mul": [1]}])
def test_invalid_calls(folder: Path, calls: object) -> None:
    class Invalid(Outcomes):
        def answer(self, request: Request) -> Response:
            return Response(request, plain={"outcomes": {"test": "passed"}, "calls": calls})

    with pytest.raises(MismatchError, match="no valid result"):
        check_tests_detect_mutants(Invalid(folder, {}, {}), TASK)
