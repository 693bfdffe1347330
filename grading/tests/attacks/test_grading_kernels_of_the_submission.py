"""Kernels, threads and compile times of a submission, which it can control through numba."""

from pathlib import Path

import numpy as np
import pytest

from grading.checking.compare import MismatchError
from grading.checking.sources import check_is_parallel
from grading.isolation import CheckAbandoned, IsolatedSubject, Limits
from grading.protocol.messages import SubjectError
from grading.tests.upstream_trees import write_upstream

pytestmark = pytest.mark.slow

ZIP = {"module": "fast_ops", "kernel": "tensor_zip", "fn": "mul"}
FAST_OPS = "minitorch/fast_ops.py"


def edited(folder: Path, path: str, before: str = "", after: str = "") -> Path:
    """Write a right solution in which a file has text added before and after its own."""
    tree = write_upstream(folder, "2024", 3)
    file = tree / path
    file.write_text(before + file.read_text("utf-8") + after, "utf-8")
    return tree


def test_a_kernel_that_is_not_compiled_in_parallel_has_no_parallel_loop(tmp_path: Path) -> None:
    serial = "\n\ndef tensor_zip(fn):\n    return numba.njit(_zip_of(fn))\n"
    source = "\nimport numba\n" + SERIAL_ZIP + serial
    one = np.ones((2, 2))
    with (
        IsolatedSubject(edited(tmp_path, FAST_OPS, after=source)) as subject,
        pytest.raises(MismatchError, match="not parallel"),
    ):
        check_is_parallel(subject, ZIP, np.zeros((2, 2)), [one, one], one)


SERIAL_ZIP = """

def _zip_of(fn):
    def _zip(out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides):
        for i in range(len(out)):
            out[i] = fn(a[i], b[i])
    return _zip
"""


def test_compile_errors_are_charged_to_the_submission(tmp_path: Path) -> None:
    wrong = (
        "\nimport numba\n\n\ndef tensor_zip(fn):\n    return numba.njit(lambda *args: args.of)\n"
    )
    one = np.ones((2, 2))
    with (
        IsolatedSubject(edited(tmp_path, FAST_OPS, after=wrong)) as subject,
        pytest.raises(SubjectError, match="TypingError"),
    ):
        subject.call("kernel.run", [one, one, one], ZIP)


@pytest.mark.parametrize(
    "statement",
    [
        'import os; os.environ["NUMBA_NUM_THREADS"] = "64"\n',
        "import numba; numba.set_num_threads(1)\n",
    ],
)
def test_the_number_of_threads_a_submission_sets(tmp_path: Path, statement: str) -> None:
    one = np.ones((2, 2))
    tree = edited(tmp_path, FAST_OPS, after="\n" + statement)
    with IsolatedSubject(tree) as subject:
        answer = subject.call(
            "kernel.repeat", [one, one, one], {**ZIP, "times": 3, "threads": None}
        )
    np.testing.assert_array_equal(answer.array, np.ones((3, 2, 2)))


@pytest.mark.parametrize("credit", [0.0, 60.0])
def test_compile_time_is_reported_by_the_worker(tmp_path: Path, credit: float) -> None:
    """A limit below the compile time stops a call only if compilation counts."""
    one = np.ones((2, 2))
    limits = Limits(call_seconds=1.0, compile_seconds=credit)
    with IsolatedSubject(
        edited(tmp_path, FAST_OPS, after=SLOW_TO_COMPILE), limits=limits
    ) as subject:
        subject.call("kernel.run", [one, one, one], {**ZIP, "kernel": "simple"})
        if credit:
            subject.call("kernel.run", [one, one, one], {**ZIP, "kernel": "slow"})
            return
        with pytest.raises(CheckAbandoned, match="slow did not return within 1 s"):
            subject.call("kernel.run", [one, one, one], {**ZIP, "kernel": "slow"})


SLOW_TO_COMPILE = """

import time

from numba.extending import overload


def simple(fn):
    return lambda *args: None


def wait():
    pass


@overload(wait)
def of_wait():
    end = time.process_time() + 3.0
    while time.process_time() < end:
        pass
    return lambda: None


def slow(fn):
    return _njit(lambda *args: wait())
"""
"""A kernel whose types take three seconds of processor time."""
