"""Arithmetic of vectors, against NumPy."""

from typing import Any

import numpy as np
import pytest

from mt_kernels_cpu.compiling.jit import nogil_kernel
from mt_kernels_cpu.tuned.simd.compare import horizontal_max
from mt_kernels_cpu.tuned.simd.memory import load, store
from mt_kernels_cpu.tuned.simd.vector import add, horizontal_add, lanes, multiply_add

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@nogil_kernel
def combine(out: Any, a: Any, b: Any) -> None:
    """Write a · b + b and a + b for one vector each."""
    store(out[0], 0, multiply_add(load(a, 0), load(b, 0), load(b, 0)))
    store(out[1], 0, add(load(a, 0), load(b, 0)))


@dtypes
@pytest.mark.parametrize("other", [np.nan, np.inf, -np.inf, 0.0, -2.5])
def test_arithmetic_of_two_vectors(dtype: Any, other: float) -> None:
    a = np.resize([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5, 3.0], lanes(dtype)).astype(dtype)
    b, out = np.full(lanes(dtype), other, dtype), np.empty((2, lanes(dtype)), dtype)
    combine(out, a, b)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(out[0], a * b + b)
        np.testing.assert_array_equal(out[1], a + b)


@nogil_kernel
def fold_all(out: Any, a: Any) -> None:
    """Write the sum and the maximum of one vector."""
    out[0] = horizontal_add(load(a, 0))
    out[1] = horizontal_max(load(a, 0))


@dtypes
def test_sum_and_maximum_of_one_vector(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, out = rng.normal(size=lanes(dtype)).astype(dtype), np.empty(2, dtype)
    fold_all(out, a)
    np.testing.assert_allclose(out, [a.sum(), a.max()], rtol=1e-5)
