"""Tests earn nothing that detect no mutant, fail on correct code or are not implemented."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.checking.compare import MismatchError
from grading.isolation import IsolatedSubject
from grading.mutation import check_tests_detect_mutants, check_tests_pass
from grading.paths import ROOT
from grading.protocol.messages import Subject
from grading.tests.upstream_trees import write_upstream

pytestmark = pytest.mark.slow

OURS = (ROOT / "tests" / "test_operators.py").read_text(encoding="utf-8")

HEAD = """\
import pytest
from hypothesis import given, strategies as st
from minitorch.operators import *
numbers = st.floats(-100, 100)
"""
PLACEHOLDER = HEAD + (
    "@pytest.mark.task0_2\ndef test_sigmoid(): raise NotImplementedError('Need to implement')\n"
)
TRUE = HEAD + "@pytest.mark.task0_2\n@given(numbers)\ndef test_sigmoid(a): assert True\n"
WITH_ITSELF = HEAD + (
    "@pytest.mark.task0_2\n@given(numbers)\ndef test_sigmoid(a): assert sigmoid(a) == sigmoid(a)\n"
    "@pytest.mark.task0_2\n@given(numbers)\ndef test_lt(a): assert lt(a, a + 1)\n"
)
TOO_STRICT = HEAD + (
    "@pytest.mark.task0_2\n@given(numbers)\ndef test_sigmoid(a): assert 0 < sigmoid(a) < 0.9\n"
)
UNMARKED = HEAD + "def test_sigmoid(): pass\n"


@pytest.fixture
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """A tree of the course with tests of a learner; its workers do not import numba."""
    write_upstream(tmp_path, "2024", 0)
    (tmp_path / "tests" / "test_operators.py").write_text(request.param, encoding="utf-8")
    with IsolatedSubject(tmp_path) as worker:
        yield worker


@pytest.mark.parametrize("subject", [OURS], indirect=True, ids=["ours"])
def test_correct_tests_pass(subject: Subject) -> None:
    for task in ("0.2", "0.3"):
        assert check_tests_pass(subject, task) is not None
        check_tests_detect_mutants(subject, task)


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        (PLACEHOLDER, "test_sigmoid in tests/test_operators.py is not implemented yet"),
        (UNMARKED, "holds no test with the marker task0_2"),
        (TOO_STRICT, "test_sigmoid in tests/test_operators.py fails on your code"),
    ],
    indirect=["subject"],
    ids=["placeholder", "unmarked", "too strict"],
)
def test_tests_that_fail_on_correct_code(subject: Subject, sentence: str) -> None:
    with pytest.raises(MismatchError) as caught:
        check_tests_pass(subject, "0.2")
    assert sentence in caught.value.finding.sentence


@pytest.mark.parametrize("subject", [TRUE, WITH_ITSELF], indirect=True, ids=["true", "itself"])
def test_tests_that_detect_nothing(subject: Subject) -> None:
    assert check_tests_pass(subject, "0.2") is not None
    with pytest.raises(MismatchError, match=r"detect [01] of 7 wrong versions"):
        check_tests_detect_mutants(subject, "0.2")
