"""Matrix products, by the library for linear algebra that NumPy brings along (BLAS).

It takes matrices as they are or transposed, so nothing is copied for either.
"""

from contextvars import Context
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.memory import Memory
from mt_tensor import TensorData, host_array


class Products(Memory):
    """The part of a backend that multiplies matrices."""

    def matmul(self, a: TensorData, b: TensorData) -> TensorData:
        """Multiply matrices or batches of them; see `mt_tensor.Backend.matmul`."""
        if len(a.shape) == 2 and len(b.shape) == 2 and a.shape[1] == b.shape[0]:
            out = self.new((a.shape[0], b.shape[1]))
            multiply(as_matrix(a), as_matrix(b), out.storage.reshape(out.shape))
            return out
        return super().matmul(a, b)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        multiply(host_array(a), host_array(b), host_array(out))


_quiet = Context()
"""Where NumPy warns of nothing. What it warns of is a context variable, and to run in a copy of a
context takes half as long as to change and restore the variable."""
_quiet.run(np.seterr, all="ignore")


def multiply(a: npt.NDArray[Any], b: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """Write the product of matrices, or of batches of them, into a contiguous array.

    What is invalid becomes NaN and what is too large infinite, without a warning, as everywhere in
    a backend.
    """
    if a.ndim == b.ndim == 2:
        # It leaves to BLAS what matmul does in plain loops, a column times a row: the gradient of a
        # weight for a batch of one.
        _quiet.copy().run(a.dot, b, out)
    else:
        _quiet.copy().run(np.matmul, a, b, out)


def as_matrix(a: TensorData) -> npt.NDArray[Any]:
    """Return a view of a tensor of two dimensions as a matrix, quickly where it has no gaps."""
    cells = a.flat() if a.cached_flat is None else a.cached_flat
    if cells is not None:
        return cells.reshape(a.shape)
    rows, columns = a.shape
    if a.strides == (1, rows) and a.storage.shape[0] == a.size:
        return a.storage.reshape(columns, rows).T
    return host_array(a)
