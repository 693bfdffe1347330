"""Errors of a submission arrive at the judge with the file and line of their cause."""

from pathlib import Path

import numpy as np
import pytest

from grading.isolation import IsolatedSubject, Limits
from grading.isolation.output import split_crash
from grading.protocol.messages import SubjectError
from grading.tests.attacks.trees import write_tree

ONE = np.ones(1)
FILE = "minitorch/operators.py"


def error_of(tree: Path) -> SubjectError:
    with (
        IsolatedSubject(tree, limits=Limits(memory_mb=1000)) as subject,
        pytest.raises(SubjectError) as caught,
    ):
        subject.call("operators.each", [ONE, ONE], {"formula": "mul"})
    return caught.value


@pytest.mark.parametrize(
    "end",
    [b"\n<<<<<<< HEAD\n", b"\nx = 1\n\ty = 2\n", b"\n'\xe9'\n", b"\n\x00"],
    ids=["conflict", "indentation", "latin-1", "zero byte"],
)
def test_a_syntax_error_has_its_own_line_and_not_that_of_the_import(
    tmp_path: Path, end: bytes
) -> None:
    file = write_tree(tmp_path) / FILE
    before = file.read_bytes()
    file.write_bytes(before + end)
    error = error_of(tmp_path)
    name, line, _ = error.trace[-1]
    assert "SyntaxError" in error.kinds
    assert name == FILE
    lines_of_end = end.rstrip(b"\n").count(b"\n")
    assert line == len(before.splitlines()) + lines_of_end + before.endswith(b"\n")


def test_a_crash_has_the_line_of_the_last_call(tmp_path: Path) -> None:
    crash = "def mul(x, y):\n    import ctypes\n    print('before')\n    ctypes.string_at(0)\n"
    file = write_tree(tmp_path, crash) / FILE
    error = error_of(tmp_path)
    own = [(name, function) for name, _, function in error.trace if name == FILE]
    line = next(line for name, line, _ in error.trace if name == FILE)
    assert own == [(FILE, "mul")]
    assert "string_at" in file.read_text("utf-8").splitlines()[line - 1]
    assert "before" in error.output
    assert "Fatal Python error" not in error.output


def test_output_without_a_crash_is_unchanged() -> None:
    assert split_crash("printed\n") == ("printed\n", [])
