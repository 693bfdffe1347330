"""Shared memory of the simulator, and the diagnosis there."""

import runpy
from typing import Any

import numpy as np
import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED, diagnosis
from mt_kernels_cuda.jit import kernel

pytestmark = pytest.mark.skipif(not SIMULATED, reason="runs on a GPU")


def test_the_diagnosis_names_the_simulator(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        runpy.run_module("mt_kernels_cuda", run_name="__main__")
    assert exit.value.code == 0
    assert capsys.readouterr().out == diagnosis() + "\n"
    assert "simulated" in diagnosis()


@kernel
def exchange(out: Any) -> None:
    # fmt: off
    a = cuda.shared.array(4, out.dtype); b = cuda.shared.array(4, out.dtype)  # noqa: E702
    # fmt: on
    thread = cuda.threadIdx.x
    a[thread] = thread
    b[thread] = 10 * thread
    cuda.syncthreads()
    other = (thread + 1) % 4
    out[thread] = a[other] + b[other]


def test_two_shared_arrays_on_one_line_are_distinct() -> None:
    for _ in range(20):
        out = cuda.to_device(np.zeros(4))
        exchange[1, 4](out)
        assert out.copy_to_host().tolist() == [11.0, 22.0, 33.0, 0.0]


@kernel
def read_before_write(out: Any) -> None:
    tile = cuda.shared.array(2, out.dtype)
    out[cuda.threadIdx.x] = tile[cuda.threadIdx.x]


def test_unwritten_shared_memory_is_nan() -> None:
    out = cuda.to_device(np.zeros(2))
    read_before_write[1, 2](out)
    assert np.isnan(out.copy_to_host()).all()
