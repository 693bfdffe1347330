"""Backends that wrap other backends, without the course's tensors."""

from typing import Any

import numpy.typing as npt

from mt_kernels_cpu import Fast
from mt_kernels_cuda import Cuda
from mt_tensor import Backend, Map, Reference, TensorData, Zip
from mt_tensor.layout import UserShape

FAST = Fast()
CUDA = Cuda()  # A GPU is needed only when memory is allocated.


class SimpleKernels(Reference):
    """The reference backend, with the convolutions of the fast one.

    The course convolves with compiled loops on every backend.
    """

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        FAST._convolve(out, input, weight, reverse)


class Wrapper(Backend):
    """A backend that calls another one, `kernels`, for all operations."""

    name = "wrapper"

    def __init__(self, kernels: Backend) -> None:
        super().__init__(kernels.dtype)
        self.kernels = kernels
        self.memory = kernels.memory

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor with uninitialized elements."""
        return self.kernels.empty(shape)

    def full(self, shape: UserShape, value: float) -> TensorData:
        """Return a contiguous tensor whose elements all equal `value`."""
        return self.kernels.full(shape, value)

    def from_numpy(self, array: npt.NDArray[Any]) -> TensorData:
        """Return a tensor with the array's elements."""
        return self.kernels.from_numpy(array)

    def to_numpy(self, a: TensorData) -> npt.NDArray[Any]:
        """Return the elements as an array on the host."""
        return self.kernels.to_numpy(a)

    def to_dlpack(self, a: TensorData, **options: Any) -> Any:
        """Return a DLPack capsule of a tensor."""
        return self.kernels.to_dlpack(a, **options)

    def dlpack_device(self) -> tuple[int, int]:
        """Return the DLPack device type and the device number of what `to_dlpack` exports."""
        return self.kernels.dlpack_device()

    def from_dlpack(self, exporter: Any) -> TensorData:
        """Return a tensor from another library's."""
        return self.kernels.from_dlpack(exporter)

    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""
        return self.kernels.copy(a)

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self.kernels._map(fn, out, a)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.kernels._zip(fn, out, a, b)

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self.kernels._reduce(fn, out, a, dim, start)

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.kernels._matmul(out, a, b)

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        self.kernels._convolve(out, input, weight, reverse)
