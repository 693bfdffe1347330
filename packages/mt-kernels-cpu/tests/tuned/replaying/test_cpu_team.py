"""Segments that run side by side: each once, and no thread waits for ever."""

import os
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

from mt_kernels_cpu.compiling.jit import nogil_kernel, strict_kernel
from mt_kernels_cpu.tuned.replaying.machine_code import machine_code
from mt_kernels_cpu.tuned.replaying.segments import join
from mt_kernels_cpu.tuned.threads import run_side_by_side
from mt_kernels_cpu.tuned.waiting import THREADS_CAN_SLEEP
from mt_tensor.recording import Call, run_calls, run_on_threads

pytestmark = pytest.mark.skipif(not THREADS_CAN_SLEEP, reason="the system has no threads of POSIX")


@nogil_kernel
def add_one(counts: Any, at: int) -> None:
    """Add 1 to an element."""
    counts[at] += 1


@strict_kernel
def is_zero(numbers: Any, at: int) -> bool:
    """Return whether an element is 0."""
    return bool(numbers[at] == 0)


def side_by_side(*lists: list[Call]) -> list[Call]:
    """Return joined calls that run lists of calls side by side."""
    calls = join([Call(run_on_threads, (run_side_by_side, *lists), True)])
    assert [each.fn for each in calls] == [machine_code().run]
    return calls


def additions(counts: Any, parts: int) -> list[Call]:
    add_one(counts, 0)
    counts[0] = 0
    return side_by_side(*([Call(add_one, (counts, at), None)] * 2 for at in range(parts)))


@pytest.mark.parametrize("parts", range(1, 9))
def test_each_part_runs_once(parts: int) -> None:
    counts = np.zeros(parts, np.int64)
    calls = additions(counts, parts)
    for number in range(1, 200):
        assert run_calls(calls)
        assert counts.tolist() == [2 * number] * parts


def test_workers_that_sleep_wake_up() -> None:
    counts = np.zeros(3, np.int64)
    calls = additions(counts, 3)
    for number in range(1, 20):
        time.sleep(0.002)
        assert run_calls(calls)
        assert counts.tolist() == [2 * number] * 3


def test_a_part_that_ends_early_ends_the_call() -> None:
    numbers, counts = np.zeros(3), np.zeros(3, np.int64)
    is_zero(numbers, 0)
    add_one(counts, 0)
    calls = side_by_side(
        *(
            [Call(is_zero, (numbers, at), True), Call(add_one, (counts, at), None)]
            for at in range(3)
        )
    )
    assert run_calls(calls)
    for at in range(3):
        numbers[:] = 0
        numbers[at] = 1
        assert not run_calls(calls)
    assert counts.tolist() == [1 + 1 + 2, 1 + 2, 1 + 2]


def test_parts_with_calls_of_python_run_on_other_threads() -> None:
    seen: list[int] = []
    counts = np.zeros(1, np.int64)
    add_one(counts, 0)
    lists = ([Call(seen.append, (at,), None), Call(add_one, (counts, 0), None)] for at in range(2))
    calls = join([Call(run_on_threads, (run_side_by_side, *lists), True)])
    assert [each.fn for each in calls] == [run_on_threads]
    assert run_calls(calls)
    assert sorted(seen) == [0, 1]


def test_several_threads_run_segments_at_the_same_time() -> None:
    meeting = threading.Barrier(4)
    counts = [np.zeros(3, np.int64) for _ in range(4)]
    calls = [additions(each, 3) for each in counts]

    def repeat(each: list[Call]) -> None:
        meeting.wait(30)
        for _ in range(500):
            run_calls(each)

    callers = [threading.Thread(target=repeat, args=(each,)) for each in calls]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert [each.tolist() for each in counts] == [[1000] * 3] * 4


PROCESS = """
import os
import numpy as np
from mt_kernels_cpu.compiling.jit import nogil_kernel
from mt_kernels_cpu.tuned.replaying.segments import join
from mt_tensor.recording import Call, run_calls, run_on_threads

@nogil_kernel
def add_one(counts, at):
    counts[at] += 1

counts = np.zeros(2, np.int64)
add_one(counts, 0)
lists = [[Call(add_one, (counts, at), None)] for at in range(2)]
calls = join([Call(run_on_threads, (None, *lists), True)])
assert run_calls(calls)
if hasattr(os, "fork"):
    child = os.fork()
    assert run_calls(calls)
    more = join([Call(run_on_threads, (None, *lists), True)])
    assert run_calls(more)
    assert counts.tolist() == [4, 3]
    if child:
        assert os.waitpid(child, 0)[1] == 0
print("done")
"""


def test_a_process_ends_and_forks_while_workers_wait() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROCESS],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "done" in done.stdout
