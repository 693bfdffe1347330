"""The backend of NVIDIA GPUs."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from mt_kernels_cuda.convolution import tensor_conv1d, tensor_conv2d
from mt_kernels_cuda.elementwise import fill, tensor_map, tensor_zip
from mt_kernels_cuda.gpu import require_gpu
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.launching import BLOCK, TILE, blocks_for, check_place, launch
from mt_kernels_cuda.matrix_multiply import tensor_matrix_multiply
from mt_kernels_cuda.reduction import tensor_reduce, threads_for
from mt_tensor import Backend, HostBackend, Map, Reference, TensorData, Zip, host_array, operators
from mt_tensor.layout import UserShape, check_shape, span, strides_from_shape

LARGEST_GRID = 65_535
"""Blocks along the second and third dimension of a grid, at most. The first has no such limit."""


class Cuda(Backend):
    """The course's kernels on a GPU, or in numba's simulator.

    Numbers stay in the GPU's memory until `to_numpy` fetches them; an operand that is elsewhere
    is an error, never a silent copy. A backend can be made anywhere; the first use of its memory
    raises `GPUNotAvailableError` where there is neither GPU nor simulator.

    >>> import numpy as np
    >>> Cuda(np.float32)
    Cuda(float32)
    """

    name = "cuda"

    # Memory

    @property
    def _host(self) -> HostBackend:
        """What arranges numbers on the way to the device."""
        return Reference(self.dtype)

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor whose elements have no particular value.

        Raises:
            GPUNotAvailableError: There is no GPU to have memory.
        """
        require_gpu()
        shape = check_shape(shape, "empty")
        strides = strides_from_shape(shape)
        # One cell even where there is no element, since no memory has no address.
        storage = cuda.device_array(max(1, span(shape, strides)), self.dtype)
        return TensorData.trusted(storage, shape, strides)

    def full(self, shape: UserShape, value: float) -> TensorData:
        """Return a contiguous tensor whose elements all have one value."""
        out = self.empty(shape)
        if out.size > 0:
            blocks = blocks_for(out.size, BLOCK)
            launch(fill, blocks, BLOCK, out.storage, out.size, float(value))
        return out

    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""
        return self.map(operators.id, a)

    def from_numpy(self, array: npt.NDArray[Any]) -> TensorData:
        """Return a tensor in device memory with the array's elements.

        Raises:
            TypeError: The array holds something else than real numbers.
            GPUNotAvailableError: There is no GPU to have memory.
        """
        require_gpu()
        a = self._host.contiguous(self._host.from_numpy(array))
        if a.size == 0:
            return self.empty(a.shape)
        storage = cuda.to_device(a.storage[: a.size])
        return TensorData.trusted(storage, a.shape, a.strides)

    def to_numpy(self, a: TensorData) -> npt.NDArray[Any]:
        """Return a copy of the elements on the host; read-only where a broadcast repeats them."""
        if a.size == 0:
            return np.empty(a.shape, self.dtype)
        check_place("to_numpy", a)
        if span(a.shape, a.strides) > 2 * a.size:
            # Mostly gaps: gather the elements before they travel.
            a = self.copy(a)
        storage: Any = a.storage[: span(a.shape, a.strides)]
        return host_array(TensorData.trusted(storage.copy_to_host(), a.shape, a.strides))

    # What the operations are made of

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        check_place("map", out, a)
        _launch_elementwise(tensor_map(fn), out, a)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        check_place("zip", out, a, b)
        _launch_elementwise(tensor_zip(fn), out, a, b)

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        check_place("reduce", a)
        if out.size > 0:
            threads = threads_for(a.shape[dim])
            kernel = tensor_reduce(fn)
            launch(kernel, out.size, threads, out, out.size, a, dim, float(start))

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        check_place("matmul", a, b)
        if out.size == 0:
            return
        if out.shape[-1] > LARGEST_GRID * TILE:
            # The rows may be that many: AB is the transpose of (B transposed) (A transposed).
            out, a, b = _transposed(out), _transposed(b), _transposed(a)
        rows, columns = out.shape[-2:]
        batches = min(out.size // (rows * columns), LARGEST_GRID)
        grid = (blocks_for(rows, TILE), blocks_for(columns, TILE), batches)
        launch(tensor_matrix_multiply, grid, (TILE, TILE), out, out.size, a, b)

    def _conv1d(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        check_place("conv1d", input, weight)
        _launch_convolution(tensor_conv1d, out, input, weight, reverse)

    def _conv2d(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        check_place("conv2d", input, weight)
        _launch_convolution(tensor_conv2d, out, input, weight, reverse)


def _launch_elementwise(kernel: Kernel, out: TensorData, *operands: TensorData) -> None:
    """Launch one thread for each element of `out`."""
    if out.size > 0:
        launch(kernel, blocks_for(out.size, BLOCK), BLOCK, out, out.size, *operands)


def _launch_convolution(
    kernel: Kernel, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
) -> None:
    """Launch one block for each tile of `out`."""
    if out.size > 0:
        rows, columns = out.shape[1], out.size // out.shape[1]
        blocks = blocks_for(rows, TILE) * blocks_for(columns, TILE)
        launch(kernel, blocks, (TILE, TILE), out, out.size, input, weight, bool(reverse))


def _transposed(a: TensorData) -> TensorData:
    """Return a view with the last two dimensions exchanged."""
    return a.permute(*range(a.dims - 2), a.dims - 1, a.dims - 2)
