r"""Products of matrices that fit into the second cache.

BLAS libraries copy both matrices into an order of their own before they multiply, which takes a
noticeable part of the time if a dimension has about a hundred elements. Here only a *panel* of the
right matrix is copied, `DEPTH` rows of `COLUMNS` vectors. A block of `ROWS` rows of the result
stays in registers while it runs through the panel; elements of the left matrix are read in place.

One block::

                        panel: DEPTH rows of COLUMNS vectors
                        p p p p │ k
                        p p p p ↓
    left, ROWS rows     result: ROWS rows of COLUMNS vectors, in registers
    a a a a … → k       s s s s
    a a a a …           s s s s      s += a[row, k] · p[k]
    …                   …

Sums of `DEPTH` products are added one after the other, each product and addition rounded once.
"""

from typing import Any, NamedTuple

import numpy.typing as npt

from mt_kernels_cpu.compiling.arguments import plain
from mt_kernels_cpu.compiling.jit import JIT_IS_DISABLED, helper, strict_nogil_kernel
from mt_kernels_cpu.tuned.simd.blocks import add_outer_product, load_block, zero_block
from mt_kernels_cpu.tuned.simd.memory import (
    aligned_empty,
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


class Matrix(NamedTuple):
    """The elements of a matrix in memory order, and its strides in elements."""

    storage: Storage
    row_step: int
    column_step: int


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
        # The most frequent reason first: small matrices have no time for the others.
        count * depth * columns < LEAST_WORK
        or WIDTH < 64
        or JIT_IS_DISABLED
        or columns % (COLUMNS * lanes(out.dtype))
        or max(a.size, b.size) > LARGEST
        or not a.dtype == b.dtype == out.dtype
    ):
        return False
    left, right = _flat(a), _flat(b)
    if left is None or right is None:
        return False
    args = (out.reshape(-1), plain(left), plain(right), (depth, columns))
    run_parallel(
        partition_independent(count, count * depth * columns),
        lambda _, first, last: multiply_rows(*args, first, last),
    )
    return True


def _flat(a: npt.NDArray[Any]) -> Matrix | None:
    """Return a matrix as an operand, None if there are gaps between its elements."""
    rows, columns = a.shape
    if a.flags.c_contiguous:
        return Matrix(a.reshape(-1), row_step=columns, column_step=1)
    if a.flags.f_contiguous:
        return Matrix(a.T.reshape(-1), row_step=1, column_step=rows)
    return None


@helper
def _fill_panel(panel: Storage, right: Matrix, first: int, column: int, depth: int) -> None:
    """Copy rows `first` to `first + depth` of some columns of the right matrix."""
    (b, row_step, column_step), lanes = right, lanes_of(panel)
    width = COLUMNS * lanes
    start = first * row_step + column * column_step
    if column_step == 1:
        vectors = four_positions(0, lanes)
        for k in range(depth):
            row = load_each(b, vectors, start + k * row_step)
            store_block(panel, (k * width,), vectors, row)
        return
    whole = depth // lanes * lanes
    for j in range(0, width, lanes):
        for k in range(0, whole, lanes):
            at = start + j * column_step + k
            copy_transposed(panel, k * width + j, width, b, at, column_step)
    for k in range(whole, depth):
        for j in range(width):
            panel[k * width + j] = b[start + j * column_step + k]


@helper
def _add_rows(out: Storage, place: Any, left: Any, panel: Any, depth: int, extends: bool) -> None:
    """Write a block of the product with a panel, or add it to what is there.

    Args:
        out: The result.
        place: The positions of the rows of the block, and of the vectors in a row.
        left: The left matrix, the positions of its rows, and the stride of its columns.
        panel: The panel, the positions of the vectors in a row, and the length of a row.
        depth: The rows of the panel.
        extends: True to add.
    """
    (rows, columns), (a, rows_of_a, step), (values, vectors, width) = place, left, panel
    block = load_block(out, rows, columns) if extends else zero_block(out, rows, columns)
    for k in range(depth):
        row = load_each(values, vectors, k * width)
        block = add_outer_product(block, splat_each(a, rows_of_a, k * step), row)
    store_block(out, rows, columns, block)


@strict_nogil_kernel
def multiply_rows(
    out: Storage, left: Matrix, right: Matrix, size: tuple[int, int], first: int, last: int
) -> None:
    """Multiply the rows `first` to `last` of the left matrix; `size` is depth and columns."""
    (a, row_step, column_step), (depth, columns), lanes = left, size, lanes_of(out)
    width = COLUMNS * lanes
    panel = aligned_empty(out, DEPTH * width)
    whole = first + (last - first) // ROWS * ROWS
    for begin in range(0, depth, DEPTH):
        count, start = min(DEPTH, depth - begin), begin * column_step
        for column in range(0, columns, width):
            _fill_panel(panel, right, begin, column, count)
            vectors = four_positions(column, lanes)
            filled, extends = (panel, four_positions(0, lanes), width), begin > 0
            for row in range(first, whole, ROWS):
                place = six_positions(row * columns, columns), vectors
                rows = a, six_positions(row * row_step + start, row_step), column_step
                _add_rows(out, place, rows, filled, count, extends)
            for row in range(whole, last):
                one_row = a, (row * row_step + start,), column_step
                _add_rows(out, ((row * columns,), vectors), one_row, filled, count, extends)
