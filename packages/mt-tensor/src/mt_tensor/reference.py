"""The reference backend: plain Python loops, slow and easy to verify."""

import numpy as np

from mt_tensor.backend import Map, Zip
from mt_tensor.host import HostBackend, in_double
from mt_tensor.reference_loops import tensor_map, tensor_reduce, tensor_zip
from mt_tensor.reference_products import convolve, matrix_multiply
from mt_tensor.tensor_data import TensorData

# The elements are NumPy scalars: arithmetic that overflows returns infinity or NaN, as compiled
# code does. NumPy would warn about it, and compiled code does not.
_quiet = np.errstate(all="ignore")


class Reference(HostBackend):
    """The specification of every other backend.

    >>> from mt_tensor import operators
    >>> backend = Reference()
    >>> a = backend.from_numpy(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> backend.to_numpy(backend.reduce(operators.add, a, 1, 0.0)).tolist()
    [[3.0], [7.0]]
    """

    name = "reference"

    @_quiet
    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        tensor_map(fn)(*out.tuple(), *a.tuple())

    @_quiet
    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        tensor_zip(fn)(*out.tuple(), *a.tuple(), *b.tuple())

    @_quiet
    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        loop = tensor_reduce(fn)
        in_double(lambda total: loop(*total.tuple(), *a.tuple(), dim), out)

    @_quiet
    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        in_double(lambda total: matrix_multiply(total, a, b), out)

    @_quiet
    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        in_double(lambda total: convolve(total, input, weight, reverse), out)


REFERENCE = Reference()
"""The reference backend in float64, the default of every function that makes tensors."""
