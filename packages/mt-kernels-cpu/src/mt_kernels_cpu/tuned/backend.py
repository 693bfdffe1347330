"""The tuned backend: which kernel computes what."""

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.backend import Fast
from mt_tensor import HostBackend, Map, TensorData, Zip, host_array


class Tuned(HostBackend):
    """Kernels for memory as training lays it out, float32 unless another dtype is asked for.

    >>> from mt_tensor import operators
    >>> backend = Tuned()
    >>> a = backend.from_numpy(np.array([1.0, 2.0], np.float32))
    >>> backend.to_numpy(backend.map(operators.neg, a)).tolist()
    [-1.0, -2.0]
    """

    name = "tuned"

    def __init__(self, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__(dtype)
        self._strided = Fast(dtype)

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self._strided._map(fn, out, a)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self._strided._zip(fn, out, a, b)

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self._strided._reduce(fn, out, a, dim, start)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        np.matmul(host_array(a), host_array(b), out=host_array(out))

    def _conv1d(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        self._strided._conv1d(out, input, weight, reverse)

    def _conv2d(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        self._strided._conv2d(out, input, weight, reverse)
