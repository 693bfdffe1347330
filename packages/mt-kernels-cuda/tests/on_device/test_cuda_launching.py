"""Errors and descriptions of launches."""

import re
from typing import Any

import numpy as np
import pytest

from mt_kernels_cuda import SIMULATED, Cuda, KernelError, Launch, TunedCuda
from mt_kernels_cuda.jit import kernel

DOUBLE = TunedCuda(np.float64)


@kernel
def fail(out: Any, position: int) -> None:
    """Write outside of an array, which is an error in the simulator."""
    out[position] = 1.0


@pytest.mark.skipif(not SIMULATED, reason="a GPU does not check indices")
def test_an_error_of_a_kernel_names_launch_shape_and_arguments() -> None:
    backend = Cuda(np.float32, debug=True)
    out = backend.zeros((2, 3))
    expected = "fail[grid (1, 2), block 3](float32(6,), 99) failed: IndexError"
    with pytest.raises(KernelError, match=re.escape(expected)):
        backend.run(Launch(fail, (1, 2), 3, (out.storage, 99)))
    with pytest.raises(IndexError):
        Cuda(np.float32).run(Launch(fail, 1, 1, (out.storage, 99)))


def test_a_description_has_shapes_and_strides() -> None:
    data = DOUBLE.zeros((2, 3)).permute(1, 0)
    assert "(float64(3, 2) strides (1, 3), 4)" in str(Launch(fail, 1, 1, (data, 4)))
