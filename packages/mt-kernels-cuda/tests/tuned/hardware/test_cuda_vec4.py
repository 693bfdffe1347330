"""Alignment of numba's device arrays, and the attributes that the simulated tests allow."""

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numba.cuda.cudadrv.devicearray import DeviceNDArray

from mt_kernels_cuda import SIMULATED
from mt_kernels_cuda.tuned.hardware.vec4 import aligned

pytestmark = pytest.mark.skipif(SIMULATED, reason="the simulator has arrays of another class")


def array_at(address: int, dtype: npt.DTypeLike) -> Any:
    """Return a device array at an address that does not exist; its elements must not be used."""
    step = np.dtype(dtype).itemsize
    memory = SimpleNamespace(
        _cuda_memsize_=4 * step, device_ctypes_pointer=ctypes.c_void_p(address)
    )
    return DeviceNDArray((4,), (step,), dtype, gpu_data=memory)


@pytest.mark.parametrize(
    ("address", "dtype", "expected"),
    [(4096, np.float32, True), (4100, np.float32, False), (4096, np.float64, False)],
)
def test_aligned_requires_floats_at_a_multiple_of_16_bytes(
    address: int, dtype: npt.DTypeLike, expected: bool
) -> None:
    assert aligned(array_at(address, dtype)) is expected
    assert aligned(array_at(4096, np.float32), array_at(address, dtype)) is expected


def test_device_arrays_have_the_attributes_of_the_simulated_tests() -> None:
    array = array_at(4096, np.float32)
    assert all(hasattr(array, name) for name in ("dtype", "ndim", "size", "strides", "shape"))
    assert not any(hasattr(array, name) for name in ("itemsize", "base", "ctypes"))
