"""Runs on few versions and tests give the result of running all tests on all versions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import MismatchError
from grading.mutation import check_tests_detect_mutants, check_tests_pass
from grading.mutation.mutants import MUTANTS
from grading.protocol.messages import Request, Response, Subject

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
    """

    def __init__(
        self, folder: Path, failing: Failing, calls: Mapping[str, set[str]], expression: str = ""
    ) -> None:
        self.folder = folder
        self.failing = failing
        self.calls = calls
        self.expression = expression
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
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
    def changed(self, sources: Mapping[str, str]) -> Iterator[Subject]:
        (text,) = sources.values()
        expression = text.partition("    version = ")[2].partition("\n")[0]
        yield Outcomes(Path(), self.failing, self.calls, expression)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission with a file of operators."""
    folder = tmp_path_factory.mktemp("submission")
    (folder / "minitorch").mkdir()
    for name in ("__init__", "operators"):
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
