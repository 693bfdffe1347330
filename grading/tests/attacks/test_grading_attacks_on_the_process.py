"""Attacks that end the worker, keep it busy, or exhaust resources of the machine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grading.isolation import CheckAbandoned, IsolatedSubject
from grading.tests.attacks.exam import HONEST, LIMITS, OTHERS, Mark, sit
from grading.tests.attacks.trees import write_tree

QUICK = replace(LIMITS, call_seconds=2.0)


def test_a_submission_without_an_attack_passes(tree: Path) -> None:
    result = sit(write_tree(tree))
    assert result.passed == HONEST
    assert result.restarts == 0


ENDINGS = {
    "sys.exit": ("import sys; sys.exit(0)", "SystemExit", 0),
    "os._exit": ("import os; os._exit(0)", "WorkerDied", 1),
    "an interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt", 0),
    "an exception class of the submission": (
        "raise type('Passed', (BaseException,), {})",
        "Passed",
        0,
    ),
    "an exception that cannot be shown": (
        "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})",
        "E",
        0,
    ),
    "a segmentation fault": ("import ctypes; ctypes.string_at(0)", "WorkerDied", 1),
    "abort": ("import os; os.abort()", "WorkerDied", 1),
    "exec of another program": ("import os; os.execv('/bin/true', ['true'])", "WorkerDied", 1),
    "endless recursion": ("return mul(x, y)", "RecursionError", 0),
    "a closed channel": ("import os; os.closerange(3, 64)", "WorkerDied", 1),
    "input from the terminal": ("return float(input())", "EOFError", 0),
}


@pytest.mark.slow
@pytest.mark.parametrize(("body", "kind", "restarts"), ENDINGS.values(), ids=ENDINGS)
@pytest.mark.measured("attack")
def test_a_submission_that_ends_the_process(
    tree: Path, body: str, kind: str, restarts: int
) -> None:
    result = sit(write_tree(tree, f"def mul(x, y):\n    {body}\n"))
    assert result.mul.kinds[0] == kind
    assert result.passed == OTHERS
    assert result.restarts == restarts


@pytest.mark.slow
@pytest.mark.parametrize("statement", ["import sys; sys.exit(0)", "import os; os._exit(0)"])
@pytest.mark.measured("attack")
def test_a_submission_that_ends_the_process_at_import(tree: Path, statement: str) -> None:
    assert sit(write_tree(tree, first=statement)).passed == set()


@pytest.mark.measured("attack")
def test_a_lost_worker_fails_one_check(tree: Path) -> None:
    result = sit(write_tree(tree, "def mul(x, y):\n    import os; os._exit(0)\n"))
    assert result.mul.kinds[0] == "WorkerDied"
    assert "status 0" in result.mul.message
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_an_endless_loop_is_stopped(tree: Path) -> None:
    loop = """
        def mul(x, y):
            import signal, threading
            for number in range(1, 32):
                if number not in (signal.SIGKILL, signal.SIGSTOP):
                    signal.signal(number, signal.SIG_IGN)
            while True:
                pass
        """
    result = sit(write_tree(tree, loop), QUICK)
    assert result.mul.kinds[0] == "TimedOut"
    assert result.mul.message == "mul did not return within 2 s of processor time"
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_a_sleeping_worker_is_stopped_by_wall_time(tree: Path) -> None:
    """A loop that sleeps uses no processor."""
    sleeps = "def mul(x, y):\n    import time\n    while True: time.sleep(0.05)\n"
    result = sit(write_tree(tree, sleeps), replace(LIMITS, hang_seconds=3.0))
    assert result.mul.message == "mul did not return, and used no processor for 3 s"
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_a_suspended_worker_is_stopped_by_wall_time(tree: Path) -> None:
    stops = "def mul(x, y):\n    import os, signal; os.kill(os.getpid(), signal.SIGSTOP)\n"
    result = sit(write_tree(tree, stops), replace(LIMITS, hang_seconds=3.0))
    assert result.mul.kinds[0] == "TimedOut"
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_forged_compile_events_gain_limited_time(tree: Path) -> None:
    """Source that forges the byte that reports compilation."""
    forges = """
        import os

        def mul(x, y):
            while True:
                for descriptor in range(3, 64):
                    try:
                        os.pwrite(descriptor, b"1", 0)
                    except OSError:
                        pass
        """
    limits = replace(LIMITS, call_seconds=1.0, compile_seconds=3.0)
    result = sit(write_tree(tree, forges), limits)
    assert (
        result.mul.message == "mul did not return within 1 s of processor time beyond compilation"
    )
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_a_function_that_timed_out_is_not_called_again(tree: Path) -> None:
    """A function that did not return is not called again, by any check or with any input."""
    loop = "def mul(x, y):\n    while True: pass\n"
    limits = replace(QUICK, stops=3)
    with IsolatedSubject(write_tree(tree, loop), limits=limits) as subject:
        before = subject.seconds
        for size in (1, 5, 2):
            subject.begin_check()
            ones = np.ones(size)
            with pytest.raises(CheckAbandoned, match="mul did not return within 2 s"):
                subject.call("operators.each", [ones, ones], {"formula": "mul"})
            assert subject.call("operators.each", [ones], {"formula": "neg"}).array.shape == (size,)
        assert subject.restarts == 1
        # The other functions have their time.
        assert subject.seconds - before < 2.0


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_time_runs_out_over_many_calls(tree: Path) -> None:
    slow = "def mul(x, y):\n    import time; time.sleep(1.5); return x * y\n"
    # A request makes four calls and takes six seconds; two of them take too long.
    limits = replace(LIMITS, check_seconds=10.0)
    result = sit(write_tree(tree, slow), limits)
    assert result.mul.kinds[0] == "OutOfTime"
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_endless_output_is_stopped(tree: Path) -> None:
    flood = """
        def mul(x, y):
            import sys
            for _ in range(64):
                sys.stdout.write("all right\\n" * 100_000)
            return 0.0
        """
    result = sit(write_tree(tree, flood))
    assert result.mul.kinds[0] == "TooMuchOutput"
    assert "all right\n" in result.mul.output
    assert len(result.mul.output) < 100_000
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_printed_output_is_reported_and_changes_no_result(tree: Path) -> None:
    prints = """
        def mul(x, y):
            import os
            os.write(2, b"\\x1b[2J\\xff \\x07 boo\\r\\n")
            raise ValueError("\\x1b]0;title\\x07 \\ud800 \\u202e done")
        """
    mark = sit(write_tree(tree, prints), checks=["mul"]).mul
    assert mark.output.strip().endswith("boo")
    assert mark.message.endswith("done")
    for text in (mark.output, mark.message):
        assert text.isprintable() or set(text) - {"\n"} <= set(filter(str.isprintable, text))
        text.encode("utf-8")


def failed_for_memory(mark: Mark) -> bool:
    return bool({"MemoryError", "OutOfMemory", "WorkerDied"} & set(mark.kinds))


MEMORY = {
    "forty gigabytes": "import numpy; numpy.ones(5_000_000_000)",
    "shared memory": """import mmap
    held = [mmap.mmap(-1, 64 << 20) for _ in range(20)]
    for each in held:
        each.write(bytes(64 << 20))""",
    "many processes": """import os, time
    for _ in range(8):
        if not os.fork():
            held = bytearray(b'1') * (100 << 20)
            time.sleep(600)
            os._exit(0)
    time.sleep(600)""",
}


@pytest.mark.slow
@pytest.mark.parametrize("body", MEMORY.values(), ids=MEMORY)
@pytest.mark.measured("attack")
def test_allocations_beyond_the_limit(tree: Path, body: str) -> None:
    limits = replace(LIMITS, call_seconds=30.0)
    result = sit(write_tree(tree, f"def mul(x, y):\n    {body}\n"), limits)
    assert failed_for_memory(result.mul), result.mul
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_a_fork_bomb(tree: Path, contained: None) -> None:
    bomb = """
        def mul(x, y):
            import os, time
            born = 0
            for _ in range(200):
                try:
                    if not os.fork():
                        time.sleep(600)
                        os._exit(0)
                except OSError:
                    break
                born += 1
            time.sleep(0.5)
            raise RuntimeError(f"{born} were born")
        """
    result = sit(write_tree(tree, bomb))
    mark = result.mul
    assert mark.kinds[0] in {"RuntimeError", "TooManyProcesses"}
    if mark.kinds[0] == "RuntimeError":
        assert int(mark.message.split()[0]) < LIMITS.processes
    assert result.passed == OTHERS
