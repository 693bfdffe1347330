"""Reports about the kernels."""

import subprocess
import sys

import numpy as np
import pytest
from numba import prange

from mt_kernels_cpu import parallel_check
from mt_kernels_cpu.compiling.jit import Kernel
from mt_kernels_cpu.diagnostics import examples

NAMES = ["map", "zip", "reduce", "matrix multiply", "conv1d", "conv2d"]


@Kernel
def doubling(out: np.ndarray, a: np.ndarray) -> None:
    for i in prange(len(out)):
        out[i] = 2 * a[i]


def test_diagnosis_of_a_parallel_loop(capsys: pytest.CaptureFixture[str]) -> None:
    doubling(np.zeros(3), np.ones(3))
    doubling.parallel_diagnostics(level=1)
    report = capsys.readouterr().out
    assert report.count("for i in prange(len(out))") == 1
    doubling.parallel_diagnostics(doubling.parallel.signatures[0], level=4)
    assert "Parallel structure is already optimal" in capsys.readouterr().out


def test_no_diagnosis_before_the_first_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Kernel(lambda out: None).parallel_diagnostics()
    assert capsys.readouterr().out == ""


def test_there_is_an_example_of_every_kernel() -> None:
    assert [name for name, *_ in examples()] == NAMES
    for name, kernel, arguments in examples():
        before = arguments[0].copy()
        kernel.serial(*arguments)
        assert (arguments[0] != before).any(), name


@pytest.mark.slow
def test_parallel_check(capsys: pytest.CaptureFixture[str]) -> None:
    parallel_check()
    report = capsys.readouterr().out
    assert [line.lower() for line in report.splitlines() if line.lower() in NAMES] == NAMES
    assert report.count("Parallel loop listing") == len(NAMES)


@pytest.mark.slow
def test_first_calls() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mt_kernels_cpu", "--first-call"],
        check=True,
        capture_output=True,
        text=True,
    )
    rows = {line[:26].strip(): line[26:].split() for line in done.stdout.splitlines()[1:]}
    assert set(rows) == {*NAMES, *(f"{name}, parallel" for name in NAMES), "compiler", "total"}
    for cold, cached in rows.values():
        assert float(cached) < float(cold) / 2
