"""Joined calls do what the calls do from Python, in the same order."""

import gc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu.compiling.jit import strict_kernel
from mt_kernels_cpu.tuned.replaying.machine_code import machine_code
from mt_kernels_cpu.tuned.replaying.segments import COPIED_UP_TO, join
from mt_tensor.recording import Call, run_calls


@strict_kernel
def write_all(
    out: Any, whole: int, arrays: Any, truth: bool, number: float, single: Any, rows: Any
) -> None:
    """Write what is in the arguments of every kind into `out`."""
    (first, step), (second, (shift,)) = arrays
    out[0] = whole
    out[1] = first[step] + second[shift]
    out[2] = 1.0 if truth else 0.0
    out[3] = number
    out[4] = single
    out[5] = rows[2, 1] + len(rows) + rows.shape[1]


@strict_kernel
def add_one(counts: Any, at: int) -> None:
    """Add 1 to an element."""
    counts[at] += 1


@strict_kernel
def is_below(numbers: Any, bound: int) -> bool:
    """Return whether the first number is below a bound."""
    return bool(numbers[0] < bound)


@strict_kernel
def fail(number: Any) -> None:
    """Raise an error if the number is negative."""
    if number[0] < 0:
        raise ValueError("negative")


def test_arguments_of_every_kind_reach_the_kernel() -> None:
    @given(
        st.integers(-(2**63), 2**63 - 1),
        st.booleans(),
        st.floats(width=64),
        st.floats(width=32),
        st.integers(0, 4),
        st.booleans(),
    )
    def check(
        whole: int, truth: bool, number: float, single: float, at: int, transposed: bool
    ) -> None:
        first, second = np.arange(5.0), np.arange(10, 15, dtype=np.int64)
        table = np.arange(20.0).reshape(4, 5)
        rows = table[::2, ::-1].T if transposed else table[1:, :3]
        ours, theirs = np.zeros(6), np.zeros(6)
        args = (whole, ((first, at), (second, (4 - at,))), truth, number, np.float32(single), rows)
        write_all(theirs, *args)
        calls = join([Call(write_all, (ours, *args), None)])
        assert [each.fn for each in calls] == [machine_code().run]
        assert run_calls(calls)
        assert ours.tobytes() == theirs.tobytes()

    check()


def test_calls_stay_in_order_around_those_of_python() -> None:
    counts, seen = np.zeros(3, np.int64), []
    add_one(counts, 0)

    def look() -> None:
        seen.append(counts.tolist())

    additions = [Call(add_one, (counts, at), None) for at in (0, 1, 1, 2)]
    calls = join([*additions[:2], Call(look, (), None), *additions[2:], Call(look, (), None)])
    assert len(calls) == 4
    for _ in range(2):
        assert run_calls(calls)
    assert seen == [[2, 1, 0], [2, 2, 1], [3, 3, 1], [3, 4, 2]]


@pytest.mark.parametrize("expected", [True, False])
def test_another_truth_value_ends_a_segment(expected: bool) -> None:
    numbers, counts = np.zeros(1), np.zeros(1, np.int64)
    is_below(numbers, 1)
    add_one(counts, 0)
    calls = join([Call(is_below, (numbers, 1), expected), Call(add_one, (counts, 0), None)])
    assert len(calls) == 1
    assert run_calls(calls) is expected
    assert counts[0] == 1 + expected
    numbers[0] = 1
    assert run_calls(calls) is not expected
    assert counts[0] == 2


def test_an_error_in_a_kernel_ends_a_segment() -> None:
    number, counts = np.ones(1), np.zeros(1, np.int64)
    fail(number)
    add_one(counts, 0)
    calls = join([Call(fail, (number,), None), Call(add_one, (counts, 0), None)])
    assert run_calls(calls)
    number[0] = -1
    assert not run_calls(calls)
    assert counts[0] == 2


def test_copies_and_fills_are_joined() -> None:
    source, to, overlapping = np.arange(6.0), np.zeros((2, 3)), np.arange(5.0)
    calls = join(
        [
            Call(np.copyto, (to.reshape(-1), source), None),
            Call(np.copyto, (overlapping[1:], overlapping[:-1]), None),
            Call(source.fill, (0.5,), None),
        ]
    )
    assert [each.fn for each in calls] == [machine_code().run]
    assert run_calls(calls)
    assert to.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert overlapping.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]
    assert source.tolist() == [0.5] * 6


def test_other_copies_and_other_types_stay_in_python() -> None:
    whole, small = np.zeros(4, np.int64), np.zeros(4, np.int8)
    calls = [
        Call(np.copyto, (np.zeros(4), whole), None),
        Call(np.copyto, (np.zeros(8)[::2], np.ones(4)), None),
        Call(np.copyto, (np.zeros((2, 4)), np.ones(4)), None),
        Call(np.zeros(COPIED_UP_TO).fill, (1.0,), None),
        # The kernel was not compiled for this type.
        Call(is_below, (small, 1), True),
    ]
    assert join(calls) == calls
    assert run_calls(join(calls))


def test_a_segment_keeps_its_memory() -> None:
    counts = np.zeros(3, np.int64)
    add_one(counts, 1)
    calls = join(
        [
            Call(np.copyto, (counts, np.array([5, 6, 7])), None),
            Call(add_one, (counts, 1), None),
            Call(add_one, (counts[1:], 1), None),
        ]
    )
    gc.collect()
    waste = [np.full(3, -1) for _ in range(1000)]
    assert run_calls(calls)
    assert counts.tolist() == [5, 7, 8]
    assert len(waste) == 1000
