"""Matrix products by NumPy's library for linear algebra (BLAS).

It takes matrices as they are or transposed, so neither is copied. Products have BLAS's error: in
single precision OpenBLAS adds some hundred terms one after another, and the sums of these again.
For 4096 equal terms the relative error is a few units of 10^-6, for the product of a row and a
column of 2^25 equal terms some 10^-3.
"""

from contextvars import Context
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.memory import Memory, template
from mt_kernels_cpu.tuned.operations.small_products import multiply_small
from mt_tensor import TensorData, host_array, recording


class Products(Memory):
    """Part of a backend that multiplies matrices."""

    def matmul(self, a: TensorData, b: TensorData) -> TensorData:
        """Multiply matrices or batches of them; see `mt_tensor.Backend.matmul`."""
        if len(a.shape) == len(b.shape) == 2 and a.shape[1] == b.shape[0]:
            shape = a.shape[0], b.shape[1]
            model = template(shape)
            to = self.storage(model.size)
            _multiply_matrices(as_matrix(a), as_matrix(b), to.reshape(shape))
            return model.with_storage(to)
        return super().matmul(a, b)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        multiply(host_array(a), host_array(b), host_array(out))


_silent = Context()
"""Context in which NumPy gives no warnings. Running in a copy of a context takes half the time of
changing and restoring the error state."""
_silent.run(np.seterr, all="ignore")
copy_of_silent = _silent.copy


def multiply(a: npt.NDArray[Any], b: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """Write the product of matrices, or of batches of them, into a contiguous array.

    Invalid operations give NaN and overflow gives infinity, without warnings, as in every backend.

    Shape:
        a (..., m, k), b (..., k, n), out (..., m, n).
    """
    if a.ndim == b.ndim == 2:
        _multiply_matrices(a, b, out)
    else:
        copy_of_silent().run(recording.called, np.matmul, a, b, out)


def _multiply_matrices(a: npt.NDArray[Any], b: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    if not multiply_small(a, b, out):
        # `dot` leaves a column times a row, the weight's gradient for a batch of one, to BLAS;
        # `matmul` uses plain loops for it.
        copy_of_silent().run(recording.called, a.dot, b, out)


def as_matrix(a: TensorData) -> npt.NDArray[Any]:
    """Return a view of a two-dimensional tensor as a NumPy matrix.

    Contiguous and transposed tensors take a short path: it is called for every product.
    """
    elements = a.flat() if a.cached_flat is None else a.cached_flat
    if elements is not None:
        return elements.reshape(a.shape)
    rows, columns = a.shape
    if a.strides == (1, rows) and a.storage.shape[0] == a.size:
        return a.storage.reshape(columns, rows).T
    return host_array(a)
