"""Map, zip, reduce and matrix multiplication as compiled parallel loops.

Rows of two operands, of which the second is broadcast; each row is one pass of the inner loop::

    out (2, 3)     a (2, 3)     b (3,)
    o o o    row   a a a        b b b     starts of row 0: 0, 0, 0
    o o o    row   a a a        b b b     starts of row 1: 3, 3, 0    steps: 1, 1, 1

Every kernel takes storages with their shapes and strides, as `TensorData.tuple` returns them. It is
correct for every layout: permuted, broadcast (strides of 0), with gaps, with sizes of 0 and 1.

- The outer loop is parallel. Each pass writes elements of `out` that no other pass writes.
- Index arithmetic happens once for each row, not for each element (see `mt_kernels_cpu.rows`).
  Operands of the same layout have few rows.
- Sums and folds run in a local variable; each element of `out` is written once.
"""

from collections.abc import Callable

import numpy as np
from numba import prange

from mt_kernels_cpu.compiling.jit import Kernel, formula, helper, once_per_formula
from mt_kernels_cpu.row_sums import Row, add_dot, add_scaled, write_row
from mt_kernels_cpu.rows import LONGEST_ROW, find_rows
from mt_tensor.layout import Shape, Storage, Strides


@once_per_formula
def tensor_map(fn: Callable[[float], float]) -> Kernel:
    """Return a kernel that writes fn of every element of `a`, broadcast to `out`, into `out`.

    Args:
        fn: A scalar function, compiled or not.

    Returns:
        ``kernel(out, out_shape, out_strides, a, a_shape, a_strides)``.
    """
    fn = formula(fn)

    @Kernel
    def kernel(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
    ) -> None:
        operands = ((out_shape, out_strides), (a_shape, a_strides))
        starts, lengths, steps = find_rows(out_shape, operands, LONGEST_ROW)
        to_step, a_step = steps[0], steps[1]
        for row in prange(len(lengths)):
            to, a_at = starts[0, row], starts[1, row]
            if to_step == 1 and a_step == 1:
                for i in range(lengths[row]):
                    out[to + i] = fn(a[a_at + i])
            else:
                for i in range(lengths[row]):
                    out[to + i * to_step] = fn(a[a_at + i * a_step])

    return kernel


@once_per_formula
def tensor_zip(fn: Callable[[float, float], float]) -> Kernel:
    """Return a kernel that writes fn of the elements of `a` and `b`, both broadcast, into `out`.

    Args:
        fn: A scalar function, compiled or not.

    Returns:
        ``kernel(out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides)``.
    """
    fn = formula(fn)

    @Kernel
    def kernel(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
        b: Storage,
        b_shape: Shape,
        b_strides: Strides,
    ) -> None:
        operands = ((out_shape, out_strides), (a_shape, a_strides), (b_shape, b_strides))
        starts, lengths, steps = find_rows(out_shape, operands, LONGEST_ROW)
        to_step, a_step, b_step = steps[0], steps[1], steps[2]
        for row in prange(len(lengths)):
            to, a_at, b_at = starts[0, row], starts[1, row], starts[2, row]
            if to_step == 1 and a_step == 1 and b_step == 1:
                for i in range(lengths[row]):
                    out[to + i] = fn(a[a_at + i], b[b_at + i])
            else:
                for i in range(lengths[row]):
                    out[to + i * to_step] = fn(a[a_at + i * a_step], b[b_at + i * b_step])

    return kernel


@once_per_formula
def tensor_reduce(fn: Callable[[float, float], float]) -> Kernel:
    """Return a kernel that folds one dimension of `a` into `out`.

    `out` has size 1 along that dimension and contains the initial values of the fold.

    Args:
        fn: A scalar function, compiled or not.

    Returns:
        ``kernel(out, out_shape, out_strides, a, a_shape, a_strides, reduce_dim)``.
    """
    fn = formula(fn)

    @Kernel
    def kernel(
        out: Storage,
        out_shape: Shape,
        out_strides: Strides,
        a: Storage,
        a_shape: Shape,
        a_strides: Strides,
        reduce_dim: int,
    ) -> None:
        operands = ((out_shape, out_strides), (out_shape, a_strides))
        longest = LONGEST_ROW // max(1, a_shape[reduce_dim])
        starts, lengths, steps = find_rows(out_shape, operands, max(1, longest))
        folds, fold_step = np.uint64(a_shape[reduce_dim]), np.uint64(a_strides[reduce_dim])
        to_step, a_step = steps[0], steps[1]
        for row in prange(len(lengths)):
            to, a_at = starts[0, row], starts[1, row]
            for i in range(lengths[row]):
                result, first = out[to + i * to_step], a_at + i * a_step
                for k in range(folds):
                    result = fn(result, a[first + k * fold_step])
                out[to + i * to_step] = result

    return kernel


@helper
def matrix_at(batch: int, out_shape: Shape, shape: Shape, strides: Strides) -> int:
    """Return the position of the matrix that belongs to matrix number `batch` of the output.

    The last two dimensions are the matrix; the others are broadcast to those of the output.
    """
    position = 0
    for from_right in range(3, len(out_shape) + 1):
        if from_right <= len(shape) and shape[-from_right] > 1:
            position += batch % out_shape[-from_right] * strides[-from_right]
        batch //= out_shape[-from_right]
    return position


@helper
def multiply_row(
    total: Storage, a_row: Row, b: Storage, b_at: int, b_down: int, b_right: int
) -> None:
    """Add the product of one row and a matrix to `total`.

    The product is the sum of the matrix's rows, each times one number, and also the products of the
    row with the matrix's columns. The loop takes whichever of both is contiguous in memory.

    Args:
        total: The sums.
        a_row: The row.
        b: The storage of the matrix.
        b_at: The position of the matrix in it.
        b_down: The stride from a number to the one below it.
        b_right: The stride from a number to the one at its right.
    """
    a, a_at, a_step, inner = a_row
    if b_down == 1 and b_right > 1:
        for j in range(len(total)):
            add_dot(total, j, a_row, (b, b_at + j * b_right, b_down, inner))
    else:
        for k in range(inner):
            b_row = (b, b_at + k * b_down, b_right, len(total))
            add_scaled(total, a[a_at + k * a_step], b_row)


@Kernel
def tensor_matrix_multiply(
    out: Storage,
    out_shape: Shape,
    out_strides: Strides,
    a: Storage,
    a_shape: Shape,
    a_strides: Strides,
    b: Storage,
    b_shape: Shape,
    b_strides: Strides,
) -> None:
    """Write the product of matrices, or of batches of them that broadcast, into `out`.

    The parameters are the storage, shape and strides of each tensor.

    Shape:
        a (..., m, k), b (..., k, n), out (..., m, n).
    """
    rows, columns = out_shape[-2], out_shape[-1]
    all_rows = 1
    for size in out_shape[:-1]:
        all_rows *= size
    for row in prange(all_rows):
        batch, i = divmod(np.int64(row), rows)
        to = matrix_at(batch, out_shape, out_shape, out_strides)
        a_at = matrix_at(batch, out_shape, a_shape, a_strides)
        b_at = matrix_at(batch, out_shape, b_shape, b_strides)
        total = np.zeros(columns, out.dtype)
        a_row = (a, a_at + i * a_strides[-2], a_strides[-1], a_shape[-1])
        multiply_row(total, a_row, b, b_at, b_strides[-2], b_strides[-1])
        write_row(out, to + i * out_strides[-2], out_strides[-1], total)
