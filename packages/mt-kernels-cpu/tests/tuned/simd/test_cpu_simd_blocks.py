"""Blocks of vectors, against NumPy."""

from typing import Any

import numpy as np
import pytest

from mt_kernels_cpu.compiling.jit import nogil_kernel
from mt_kernels_cpu.tuned.simd.blocks import (
    add_blocks,
    add_horizontal_sums,
    add_outer_product,
    relu_block,
    splat_block,
)
from mt_kernels_cpu.tuned.simd.memory import load, load_each, splat_each, store, store_block
from mt_kernels_cpu.tuned.simd.vector import lanes

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@nogil_kernel
def apply_blocks(out: Any, a: Any, b: Any, width: int) -> None:
    """Write an outer product of two vectors and three to a block, its ReLU, and another sum."""
    rows, columns = (0, 3 * width), (0, width, 2 * width)
    block = load_each(out[0], (0, width, 2 * width, 3 * width, 4 * width, 5 * width), 0)
    column, row = load_each(a, (0, width), 1), splat_each(b, (4, 2, 0), 1)
    block = add_outer_product(block, column, row)
    store_block(out[1], rows, columns, block)
    store_block(out[2], rows, columns, relu_block(block))
    store_block(out[4], rows, columns, add_blocks(block, splat_block(b, (3, 1), columns)))
    # Three columns of four vectors: one group of 16 bytes for float32, two for float64.
    positions = (0, width, 1, 1, 1 + width, 2, 1, 1 + width, 2, 0, width, 1)
    add_horizontal_sums(out[3], (1, 5, 12), load_each(a, positions, 0))


@dtypes
def test_block_operations(dtype: Any) -> None:
    width = lanes(dtype)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=2 * width + 2).astype(dtype), rng.normal(size=6).astype(dtype)
    out = np.zeros((5, 6 * width), dtype)
    out[3] = 2.0
    out[0] = rng.normal(size=6 * width)
    apply_blocks(out, a, b, width)
    outer = a[1:-1].reshape(2, 1, width) * b[[5, 3, 1]].reshape(1, 3, 1)
    expected = out[0] + outer.reshape(-1)
    np.testing.assert_allclose(out[1], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(out[2], np.maximum(out[1], 0))
    np.testing.assert_array_equal(out[4], out[1] + np.repeat(b[[3, 1]], 3 * width))
    starts = [row + column for column in (0, width, 1) for row in (0, 1, 1, 0)]
    expected = np.full(6 * width, 2.0)
    expected[[*range(1, 9), *range(12, 16)]] += [a[start : start + width].sum() for start in starts]
    np.testing.assert_allclose(out[3], expected, rtol=1e-5, atol=1e-5)


@nogil_kernel
def apply_relu(out: Any, a: Any) -> None:
    """Write the ReLU of one vector."""
    store(out, 0, relu_block((load(a, 0),))[0])


@dtypes
def test_relu_of_special_numbers(dtype: Any) -> None:
    for number in (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5):
        a, out = np.full(lanes(dtype), number, dtype), np.empty(lanes(dtype), dtype)
        apply_relu(out, a)
        np.testing.assert_array_equal(out, np.where(a <= 0, 0, a))
