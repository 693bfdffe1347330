"""Lookup of table rows, and the sum of their gradients.

Eight threads 0 … 7 for rows of three elements and the indices 2, 0, 2::

    table        out, one thread for each element      gradient, one thread for each element
    0  a a a     c c c    0 1 2                        row 0: gradient of copy 1
    1  b b b     a a a    3 4 5                        row 1: 0
    2  c c c     c c c    6 7 …                        row 2: gradients of copies 0 and 2
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.integers import divmod
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.operations.folding import sum_in_runs
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.fused.arguments import row_indices
from mt_tensor.layout import Storage


class Take(FusedForm[Device]):
    """Rows of a table by index; the indices are in host memory and checked there."""

    @staticmethod
    def forward(
        backend: Device, needs_grad: tuple[bool, ...], table: TensorData, indices: Any
    ) -> Any:
        """Return the rows and saved values; None unless all indices are valid integers."""
        numbers = row_indices(table, indices)
        if numbers is None or table.size == 0:
            return None
        if not 0 <= numbers.min() <= numbers.max() < table.shape[0]:
            return None
        rows, width = numbers.reshape(-1), table.shape[1]
        out = backend.empty((*numbers.shape, width))
        values = backend.contiguous(table).storage
        arguments = (out.storage, values, backend.upload(rows), out.size, width)
        backend.run(Launch(gather, blocks_for(out.size, THREADS), THREADS, arguments))
        return out, (rows, table.shape)

    @staticmethod
    def backward(backend: Device, saved: Any, grad: TensorData) -> Gradients:
        """Return the gradient of the table: for each row, the sum of the gradients of its copies.

        The host sorts the copies by row. So the threads of a row sum its copies without atomic
        operations, always in the same order.
        """
        rows, shape = saved
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(shape[0] + 1))
        to = backend.empty(shape)
        grads = backend.contiguous(grad).storage
        indices = (backend.upload(order), backend.upload(starts))
        arguments = (to.storage, grads, *indices, to.size, shape[1])
        blocks = blocks_for(to.size, THREADS)
        backend.run(Launch(scatter(backend.dtype), blocks, THREADS, arguments))
        return (to,)


@kernel
def gather(out: Storage, table: Storage, rows: Storage, size: int, width: int) -> None:
    """Copy rows of a table to `out`, one thread per element."""
    i = cuda.grid(1)
    if i < size:
        row, column = divmod(i, width)
        out[i] = table[rows[row] * width + column]


@lru_cache
def scatter(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(to, grads, order, starts, size, width)``, one thread per element of `to`.

    The copies of row r are ``order[starts[r]:starts[r + 1]]``.
    """
    zero, (push, total) = dtype.type(0), sum_in_runs(dtype)

    @kernel
    def scatter_rows(
        to: Storage, grads: Storage, order: Storage, starts: Storage, size: int, width: int
    ) -> None:
        i = cuda.grid(1)
        if i < size:
            row, column = divmod(i, width)
            sums, first = (zero, zero, zero, zero), starts[row]
            for k in range(first, starts[row + 1]):
                sums = push(sums, k - first, grads[order[k] * width + column])
            to[i] = total(sums)

    return scatter_rows
