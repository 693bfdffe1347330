"""Tests with the marks slow, oracle, docs and similar ones run only if `-m` names the mark.

Tests with the mark accuracy also run with their task.
"""

import shutil

import pytest

from tools.workspace import ROOT

TESTS = """
import pytest

def test_plain(): ...

@pytest.mark.task4_2
def test_task(): ...

@pytest.mark.task4_2
@pytest.mark.slow
def test_task_slow(): ...

@pytest.mark.task4_5
@pytest.mark.accuracy
def test_accuracy(): ...

@pytest.mark.slow
def test_slow(): ...

@pytest.mark.oracle
def test_oracle(): ...

@pytest.mark.docs
def test_docs(): ...

def documented():
    '''
    >>> 1 + 1
    2
    '''
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"test_plain", "test_task"}),
        (["-m", "task4_2"], {"test_task"}),
        (["-m", "task4_2 and slow"], {"test_task_slow"}),
        (["-m", "slow"], {"test_task_slow", "test_slow"}),
        (["-m", "task4_5"], {"test_accuracy"}),
        (["-m", "task4_2 or task4_5"], {"test_task", "test_accuracy"}),
        (["-m", "slow or accuracy"], {"test_task_slow", "test_slow", "test_accuracy"}),
        (["-m", "not slow"], {"test_plain", "test_task"}),
        (["-m", "oracle"], {"test_oracle"}),
        (["-m", "docs", "--doctest-modules"], {"test_docs", "test_of_everything.documented"}),
        (["--doctest-modules"], {"test_plain", "test_task"}),
    ],
    ids=lambda part: " ".join(sorted(part) if isinstance(part, set) else part),
)
def test_the_expression_selects_the_tests(
    arguments: list[str], expected: set[str], pytester: pytest.Pytester
) -> None:
    copy_settings(pytester)
    pytester.makepyfile(test_of_everything=TESTS)
    done = pytester.runpytest_inprocess("-q", "--collect-only", *arguments, ".")
    assert done.ret == pytest.ExitCode.OK
    listed = {line.rpartition("::")[2] for line in done.outlines if "::" in line}
    assert listed == expected


def test_a_mistyped_task_is_an_error(pytester: pytest.Pytester) -> None:
    copy_settings(pytester)
    pytester.makepyfile(test_of_everything=TESTS)
    done = pytester.runpytest_inprocess("-q", "-m", "task9_9", ".")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines("*task9_9*")


def copy_settings(pytester: pytest.Pytester) -> None:
    """Copy the settings of this repository to the temporary project."""
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, pytester.path)
