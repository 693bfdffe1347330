"""Errors of simulated threads, and calls of device functions by the host."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import cuda

from mt_kernels_cuda import SIMULATED
from mt_kernels_cuda.jit import device_function

pytestmark = pytest.mark.skipif(not SIMULATED, reason="observes numba's simulator")

Launch = Callable[..., Any]


@device_function
def twice(x: float) -> float:
    return 2.0 * x


def test_the_host_may_call_a_device_function() -> None:
    assert twice(3.0) == 6.0


def out_of_range(out: Any) -> None:
    out[cuda.grid(1)] = 1.0


def test_errors_name_the_thread(launch: Launch) -> None:
    with pytest.raises(IndexError, match=r"out of bounds.*in thread \(1, 0, 0\) of block \(1, 0,"):
        launch(out_of_range, np.zeros(3), 2, 2)
