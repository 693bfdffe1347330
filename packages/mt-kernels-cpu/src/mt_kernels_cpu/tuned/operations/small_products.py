r"""Products of matrices that fit into the second cache.

BLAS libraries copy both matrices into an order of their own before they multiply, which takes a
noticeable part of the time if a dimension has about a hundred elements. Here only a *panel* of the
right matrix is copied, `DEPTH` rows of `COLUMNS` vectors. A block of `ROWS` rows of the result
stays in registers while it runs through the panel; elements of the left matrix are read in place.

Sums of `DEPTH` products are added one after the other, each product and addition rounded once.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED, helper, strict_nogil_kernel
from mt_kernels_cpu.tuned.simd.blocks import add_outer_product, load_block, zero_block
from mt_kernels_cpu.tuned.simd.memory import (
    copy_transposed,
    lanes_of,
    load_each,
    splat_each,
    store_block,
)
from mt_kernels_cpu.tuned.simd.positions import four_positions, six_positions
from mt_kernels_cpu.tuned.simd.vector import WIDTH, lanes
from mt_kernels_cpu.tuned.threads import partition_independent, run_parallel
from mt_tensor.layout import Storage

ROWS, COLUMNS = 6, 4
"""Rows and vectors of a block: its 24 sums, a row of the panel and one element of the left matrix
fit into the 32 registers of AVX-512."""

DEPTH = 128
"""Rows of a panel, 32 KB: the panel stays in the first cache."""

LEAST_WORK, LARGEST = 2**20, 2**19
"""Bounds: multiplications at least, and elements of each operand at most. Beyond them BLAS is
faster."""


def multiply_small(a: npt.NDArray[Any], b: npt.NDArray[Any], out: npt.NDArray[Any]) -> bool:
    """Write the product of two matrices of one dtype into a contiguous array.

    Each operand is contiguous, or the transpose of a contiguous matrix.

    Shape:
        a (m, k), b (k, n), out (m, n).

    Returns:
        False if BLAS suits the product better; nothing is written then.
    """
    (count, depth), columns = a.shape, b.shape[1]
    if (
        WIDTH < 64
        or JIT_IS_DISABLED
        or columns % (COLUMNS * lanes(out.dtype))
        or count * depth * columns < LEAST_WORK
        or max(a.size, b.size) > LARGEST
        or not a.dtype == b.dtype == out.dtype
    ):
        return False
    left, right = _flat(a), _flat(b)
    if left is None or right is None:
        return False
    args = (out.reshape(-1), *left, *right, (depth, columns))
    run_parallel(
        partition_independent(count, count * depth * columns),
        lambda _, first, last: multiply_rows(*args, first, last),
    )
    return True


def _flat(a: npt.NDArray[Any]) -> tuple[Storage, tuple[int, int]] | None:
    """Return the elements in memory order, and the strides of rows and columns in elements."""
    rows, columns = a.shape
    if a.flags.c_contiguous:
        return a.reshape(-1), (columns, 1)
    return (a.T.reshape(-1), (1, rows)) if a.flags.f_contiguous else None


@helper
def _fill_panel(
    panel: Storage, b: Storage, strides: Any, first: int, column: int, depth: int
) -> None:
    """Copy rows `first` to `first + depth` of some columns of the right matrix."""
    lanes = lanes_of(panel)
    width = COLUMNS * lanes
    start = first * strides[0] + column * strides[1]
    if strides[1] == 1:
        for k in range(depth):
            to = panel[k * width : (k + 1) * width]
            row = b[start + k * strides[0] : start + k * strides[0] + width]
            for j in range(len(to)):
                to[j] = row[j]
        return
    whole = depth // lanes * lanes
    for j in range(0, width, lanes):
        for k in range(0, whole, lanes):
            copy_transposed(panel, k * width + j, width, b, start + j * strides[1] + k, strides[1])
    for k in range(whole, depth):
        for j in range(width):
            panel[k * width + j] = b[start + j * strides[1] + k]


@helper
def _add_rows(
    out: Storage, rows: Any, pairs: Any, a: Storage, left: Any, step: int, panel: Storage, size: Any
) -> None:
    """Write a block of the product with a panel, or add it to what is there.

    Args:
        out: The result.
        rows: The positions of its rows.
        pairs: The positions of the vectors in a row, and those in a row of the panel.
        a: The left matrix.
        left: The positions of its rows.
        step: The stride of its columns.
        panel: The panel.
        size: The rows of the panel, their length, and True to add.
    """
    (columns, vectors), (depth, width, extends) = pairs, size
    block = load_block(out, rows, columns) if extends else zero_block(out, rows, columns)
    for k in range(depth):
        row = load_each(panel, vectors, k * width)
        block = add_outer_product(block, splat_each(a, left, k * step), row)
    store_block(out, rows, columns, block)


@strict_nogil_kernel
def multiply_rows(
    out: Storage,
    a: Storage,
    a_strides: Any,
    b: Storage,
    b_strides: Any,
    size: Any,
    first: int,
    last: int,
) -> None:
    """Multiply the rows `first` to `last` of the left matrix; `size` is depth and columns."""
    (depth, columns), lanes = size, lanes_of(out)
    width = COLUMNS * lanes
    panel = np.empty(DEPTH * width, out.dtype)
    whole = first + (last - first) // ROWS * ROWS
    for begin in range(0, depth, DEPTH):
        count, start = min(DEPTH, depth - begin), begin * a_strides[1]
        for column in range(0, columns, width):
            _fill_panel(panel, b, b_strides, begin, column, count)
            pairs = four_positions(column, lanes), four_positions(0, lanes)
            block = count, width, begin > 0
            for row in range(first, whole, ROWS):
                rows = six_positions(row * columns, columns)
                left = six_positions(row * a_strides[0] + start, a_strides[0])
                _add_rows(out, rows, pairs, a, left, a_strides[1], panel, block)
            for row in range(whole, last):
                left = (row * a_strides[0] + start,)
                _add_rows(out, (row * columns,), pairs, a, left, a_strides[1], panel, block)
