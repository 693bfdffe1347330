"""Looking up rows of a table, and adding up gradients in the rows that were looked up."""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from mt_kernels_cuda.jit import Kernel, kernel
from mt_kernels_cuda.launching import Launch, blocks_for
from mt_kernels_cuda.tuned.device import Device
from mt_kernels_cuda.tuned.hardware.integers import divmod
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_tensor import FusedForm, Gradients, TensorData
from mt_tensor.fused.arguments import row_indices
from mt_tensor.layout import Storage


class Take(FusedForm[Device]):
    """Rows of a table by their numbers, which come from the host and are checked there."""

    @staticmethod
    def forward(
        backend: Device, needs_grad: tuple[bool, ...], table: TensorData, indices: Any
    ) -> Any:
        """Copy the rows; the form declines whatever is not whole numbers of rows of a table."""
        numbers = row_indices(table, indices)
        if numbers is None or table.size == 0:
            return None
        if not 0 <= numbers.min() <= numbers.max() < table.shape[0]:
            return None
        rows, width = numbers.reshape(-1), table.shape[1]
        out = backend.empty((*numbers.shape, width))
        cells = backend.contiguous(table).storage
        arguments = (out.storage, cells, backend.upload(rows), out.size, width)
        backend.run(Launch(gather, blocks_for(out.size, THREADS), THREADS, arguments))
        return out, (rows, table.shape)

    @staticmethod
    def backward(backend: Device, saved: Any, grad: TensorData) -> Gradients:
        """Add the gradient of each copy to that of the table's row, in the order of the copies.

        The copies of one row are put together on the host, which knows their numbers: so each row
        is added up by the threads of its own, without atomic operations and always alike.
        """
        rows, shape = saved
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(shape[0] + 1))
        to = backend.empty(shape)
        grads = backend.contiguous(grad).storage
        places = (backend.upload(order), backend.upload(starts))
        arguments = (to.storage, grads, *places, to.size, shape[1])
        blocks = blocks_for(to.size, THREADS)
        backend.run(Launch(scatter(backend.dtype), blocks, THREADS, arguments))
        return (to,)


@kernel
def gather(out: Storage, table: Storage, rows: Storage, size: int, width: int) -> None:
    """Copy rows of a table to `out`, a thread for each number."""
    i = cuda.grid(1)
    if i < size:
        row, column = divmod(i, width)
        out[i] = table[rows[row] * width + column]


@lru_cache
def scatter(dtype: np.dtype[Any]) -> Kernel:
    """Return ``kernel(to, grads, order, starts, size, width)``: a thread for each number of `to`.

    The copies of row r are ``order[starts[r]:starts[r + 1]]``.
    """
    zero = dtype.type(0)

    @kernel
    def scatter_rows(
        to: Storage, grads: Storage, order: Storage, starts: Storage, size: int, width: int
    ) -> None:
        i = cuda.grid(1)
        if i < size:
            row, column = divmod(i, width)
            total = zero
            for k in range(starts[row], starts[row + 1]):
                total += grads[order[k] * width + column]
            to[i] = total

    return scatter_rows
