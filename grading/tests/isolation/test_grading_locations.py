"""Errors of a submission arrive at the judge with the file and line of their cause."""

from pathlib import Path

import numpy as np
import pytest

from grading.isolation import CheckAbandoned, IsolatedSubject, Limits
from grading.isolation.stacks import last_calls, split_crash
from grading.judge.explain import explain
from grading.protocol.messages import SubjectError
from grading.tests.attacks.trees import write_tree

ONE = np.ones(1)
FILE = "minitorch/operators.py"


def error_of(tree: Path, seconds: float = 10.0) -> SubjectError:
    with (
        IsolatedSubject(tree, limits=Limits(memory_mb=1000, call_seconds=seconds)) as subject,
        pytest.raises((SubjectError, CheckAbandoned)) as caught,
    ):
        subject.call("operators.each", [ONE, ONE], {"formula": "mul"})
    if isinstance(caught.value, CheckAbandoned):
        return caught.value.error
    assert isinstance(caught.value, SubjectError)
    return caught.value


def line_of(tree: Path, text: str) -> int:
    """Return the number of the first line of the operators that contains a text."""
    lines = (tree / FILE).read_text("utf-8").splitlines()
    return next(i for i, line in enumerate(lines, start=1) if text in line)


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


ENDLESS = """
def helper(x):
    while x < 9:
        pass

def mul(x, y):
    helper(x)
    return x * y
"""


def test_a_timeout_has_the_line_and_the_function_that_ran(tmp_path: Path) -> None:
    write_tree(tmp_path, ENDLESS)
    error = error_of(tmp_path, 0.5)
    own = [call for call in error.trace if call[0] == FILE]
    assert [function for _, _, function in own] == ["mul", "helper"]
    loop = line_of(tmp_path, "while x < 9")
    assert own[1][1] in (loop, loop + 1)
    explained = explain(error.kinds, error.message, error.trace)
    assert (explained.file, explained.function) == (FILE, "helper")
    assert explained.line == own[1][1]
    assert explained.sentence == "mul did not return within 0.5 s of processor time"


def test_a_function_that_is_not_called_again_keeps_the_line_of_its_timeout(tmp_path: Path) -> None:
    write_tree(tmp_path, ENDLESS)
    traces = []
    with IsolatedSubject(tmp_path, limits=Limits(memory_mb=1000, call_seconds=0.5)) as subject:
        for _ in range(2):
            with pytest.raises(CheckAbandoned) as caught:
                subject.call("operators.each", [ONE, ONE], {"formula": "mul"})
            traces.append(caught.value.error.trace)
        assert subject.restarts == 1
    assert traces[0] == traces[1] != ()


def test_a_timeout_of_code_that_ignores_signals_has_no_line(tmp_path: Path) -> None:
    ignores = "import signal\n    signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
    write_tree(tmp_path, f"def mul(x, y):\n    {ignores}    while True: pass\n")
    error = error_of(tmp_path, 0.5)
    assert error.kinds[0] == "TimedOut" and error.trace == ()


ENDS_AT_IMPORT = {
    "os._exit": ("import os; os._exit(3)", "os._exit(3)"),
    "os._exit in a function": (
        "import os\ndef leave():\n    os._exit(3)\nleave()",
        "    os._exit(3)",
    ),
    "abort": ("import os; os.abort()", "os.abort()"),
    # It leaves no trace, so only the file is known, and the first line stands for it.
    "a signal": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ""),
    "an endless loop": ("while True: pass", "while True"),
}


@pytest.mark.parametrize(("statements", "line"), ENDS_AT_IMPORT.values(), ids=ENDS_AT_IMPORT)
def test_an_import_that_ends_the_process_is_named(
    tmp_path: Path, statements: str, line: str
) -> None:
    write_tree(tmp_path, first=statements)
    error = error_of(tmp_path, 1.0)
    explained = explain(error.kinds, error.message, error.trace, error.output)
    assert explained.sentence.startswith(f"while {FILE} was imported, ")
    assert (explained.file, explained.line) == (FILE, line_of(tmp_path, line))


def test_the_end_of_a_child_process_is_not_that_of_the_worker(tmp_path: Path) -> None:
    forks = """
        def mul(x, y):
            import os, signal
            child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    write_tree(tmp_path, forks)
    error = error_of(tmp_path)
    assert error.kinds[0] == "WorkerDied" and error.trace == ()


def test_the_last_of_several_stacks_is_read() -> None:
    one = 'Stack (most recent call first):\n  File "a.py", line 2 in f\n'
    two = one + '  File "b.py", line 7 in <module>\n'
    assert last_calls(one + two) == [("b.py", 7, "<module>"), ("a.py", 2, "f")]
    assert last_calls("") == []
