"""Comparisons of vectors, and searches in them, against NumPy."""

from typing import Any

import numpy as np
import pytest

from mt_kernels_cpu.compiling.jit import nogil_kernel
from mt_kernels_cpu.tuned.simd.compare import (
    any_nan,
    index_of,
    maximum,
    select_argmax,
    select_greater,
    select_positive,
)
from mt_kernels_cpu.tuned.simd.memory import (
    load,
    load_each,
    splat,
    store,
)
from mt_kernels_cpu.tuned.simd.vector import lanes

EDGES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5, 3.0]
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def all_pairs(dtype: Any) -> tuple[Any, Any]:
    a, b = np.meshgrid(EDGES, EDGES)
    return a.ravel().astype(dtype), b.ravel().astype(dtype)


@nogil_kernel
def apply_all(out: Any, a: Any, b: Any, width: int) -> None:
    """Write the result of each function of two arrays to a row of its own."""
    for i in range(0, len(a), width):
        x, y = load(a, i), load(b, i)
        store(out[0], i, select_positive(x, y))
        store(out[1], i, maximum(x, y))
        store(out[2], i, select_argmax(x, y, x, x, x, y))
        # The index of the first argument is smaller, so a tie selects the first choice.
        store(out[3], i, select_argmax(x, y, splat(b, 0), splat(b, 1), splat(b, 0), splat(b, 1)))
        store(out[4], i, select_greater(x, y, x, y))
        # Of two equal numbers neither is greater, so a tie selects the second choice.
        store(out[5], i, select_greater(x, y, splat(b, 0), splat(b, 1)))


@dtypes
def test_elementwise_comparisons(dtype: Any) -> None:
    a, b = all_pairs(dtype)
    b[:2] = -7.0, -6.0
    out = np.empty((6, len(a)), dtype)
    apply_all(out, a, b, lanes(dtype))
    np.testing.assert_array_equal(out[0], np.where(a > 0, b, 0))
    numbers = ~np.isnan(a) & ~np.isnan(b)
    np.testing.assert_array_equal(out[1][numbers], np.maximum(a, b)[numbers])
    np.testing.assert_array_equal(out[2], np.maximum(a, b))
    first = (a >= b) | np.isnan(a)
    np.testing.assert_array_equal(out[3], np.where(first, -7.0, -6.0))
    np.testing.assert_array_equal(out[4], np.maximum(a, b))
    greater = (a > b) | (np.isnan(a) & ~np.isnan(b))
    np.testing.assert_array_equal(out[5], np.where(greater, -7.0, -6.0))


@nogil_kernel
def search(out: Any, a: Any, number: Any, width: int) -> None:
    """Write the index of a number in two vectors, and whether NaN is in the first one."""
    out[0] = index_of(load_each(a, (0, width), 0), number[0])
    out[1] = any_nan(load(a, 0))


@dtypes
def test_search_for_a_number_and_nan(dtype: Any) -> None:
    width = lanes(dtype)
    both = 2 * width
    a, out = np.arange(both, dtype=dtype), np.empty(2, np.int64)
    a[-1] = a[1]
    indices = (0, 1, width - 1, width, both - 2)
    for number, index in (*zip(indices, indices, strict=True), (both, both), (np.nan, both)):
        search(out, a, np.array([number], dtype), width)
        assert out.tolist() == [index, 0]
    a[2] = np.nan
    search(out, a, np.array([3], dtype), width)
    assert out.tolist() == [3, 1]
