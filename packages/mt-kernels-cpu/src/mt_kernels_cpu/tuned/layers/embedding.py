"""Rows of a table by their indices, and the gradient of the table.

Copies of rows of a table for the indices 2, 0, 2, and the sum of their gradients::

    table            out              gradient of the table
    0  a a a         2  c c c         0  second row of gradients
    1  b b b         0  a a a         1  0
    2  c c c         2  c c c         2  first + third row
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.compiling.jit import strict_kernel
from mt_kernels_cpu.tuned.memory import Memory
from mt_tensor import FusedForm, Gradients, TensorData, recording
from mt_tensor.fused.arguments import row_indices
from mt_tensor.layout import Storage


class Take(FusedForm[Memory]):
    """Rows of a table by their indices."""

    @staticmethod
    def forward(
        backend: Memory, needs_grad: tuple[bool, ...], table: TensorData, indices: Any
    ) -> Any:
        """Copy rows of the table.

        Returns None, so that the composed function runs, if the table is not a matrix, and if
        indices are empty, are not integers or are out of range.

        Shape:
            table (rows, width), indices (...) → (..., width).
        """
        # A copy: the caller may change its array before the backward pass.
        if isinstance(indices, np.ndarray) and indices.dtype == np.int64 and indices.size > 0:
            # The most frequent case: a recorded step repeats it without Python.
            numbers: npt.NDArray[np.int64] | None = recording.copied(indices)
        else:
            numbers = recording.computed(row_indices, table, indices)
        if numbers is None or len(table.shape) != 2:
            return None
        rows, out = numbers.reshape(-1), backend.new((*numbers.shape, table.shape[1]))
        elements = backend.elements(table)
        if not gather(out.storage, elements, rows, *table.shape):
            return None
        return out, (rows, table.shape)

    @staticmethod
    def backward(backend: Memory, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of the table: the sum of the gradients of each row's copies."""
        rows, shape = saved
        to = backend.zeros(shape)
        scatter(to.storage, backend.elements(grad), rows, *shape)
        return (to,)


@strict_kernel
def gather(out: Storage, table: Storage, rows: Storage, count: int, width: int) -> bool:
    """Copy rows of a table to `out`; return False if an index is out of range.

    Shape:
        out (len(rows) · width,), table (count · width,), rows (any,).
    """
    for i in range(len(rows)):
        if not 0 <= rows[i] < count:
            return False
        row, to = table[rows[i] * width :], out[i * width : (i + 1) * width]
        for j in range(len(to)):
            to[j] = row[j]
    return True


@strict_kernel
def scatter(table: Storage, grads: Storage, rows: Storage, count: int, width: int) -> None:
    """Write the sums of rows of gradients to rows of a table, added in double precision.

    Shape:
        table (count · width,), grads (len(rows) · width,), rows (any,).
    """
    # The sums have a place for each row that occurs, because most rows of a table do not.
    places, used = np.full(count, -1), 0
    for i in range(len(rows)):
        if places[rows[i]] < 0:
            places[rows[i]], used = used, used + 1
    sums = np.zeros(used * width)
    for i in range(len(rows)):
        total, grad = sums[places[rows[i]] * width :], grads[i * width : (i + 1) * width]
        for j in range(len(grad)):
            total[j] += grad[j]
    for row in range(count):
        if places[row] >= 0:
            total = sums[places[row] * width : (places[row] + 1) * width]
            table[row * width : (row + 1) * width] = total
