"""The backend for NVIDIA GPUs."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from mt_kernels_cuda import dlpack, launching
from mt_kernels_cuda.convolution import tensor_conv2d
from mt_kernels_cuda.elementwise import fill, tensor_map, tensor_zip
from mt_kernels_cuda.gpu import SIMULATED, require_gpu
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.launching import BLOCK, MAX_GRID, TILE, Launch, blocks_for
from mt_kernels_cuda.matrix_multiply import tensor_matrix_multiply
from mt_kernels_cuda.reduction import tensor_reduce, threads_for
from mt_tensor import Backend, HostBackend, Map, Reference, TensorData, Zip, host_array, operators
from mt_tensor.dlpack import device_of
from mt_tensor.layout import UserShape, check_shape, span, strides_from_shape


class Cuda(Backend):
    """The course's kernels on a GPU, or in numba's simulator.

    Numbers stay in device memory until `to_numpy` copies them. An operand in host memory is an
    error; it is never copied silently. Building a backend needs no GPU; the first use of its
    memory raises `GPUNotAvailableError` where there is neither GPU nor simulator.

    Attributes:
        debug: True if the host waits for every kernel.
        stream: The CUDA stream of kernels and copies; 0 is the default stream.

    >>> import numpy as np
    >>> Cuda(np.float32)
    Cuda(float32)
    """

    name = "cuda"
    memory = "device"

    def __init__(
        self, dtype: npt.DTypeLike = np.float64, *, debug: bool = False, stream: Any = 0
    ) -> None:
        """Build a backend.

        Args:
            dtype: The dtype of all its tensors, float32 or float64.
            debug: True to wait for every kernel, so that the call that launches a kernel raises its
                error, with name, grid, block and shapes. This is slow: without it, the host
                prepares the next kernels while one runs.
            stream: The stream of kernels and copies, from ``numba.cuda.stream()``; the default
                stream if it is left out. Before a tensor is used in another stream, call
                ``stream.synchronize()``.

        Raises:
            TypeError: The dtype is not float32 or float64.
        """
        super().__init__(dtype)
        self.debug = debug
        self.stream = stream

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and self.stream == getattr(other, "stream", None)

    __hash__ = Backend.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle class, dtype and debug; a stream belongs to one process and is left out."""
        return _rebuild, (type(self), self.dtype, self.debug)

    # Memory

    @property
    def _host(self) -> HostBackend:
        """Backend of the same dtype that orders numbers in host memory before they are copied."""
        return Reference(self.dtype)

    def allocate(self, count: int, dtype: npt.DTypeLike | None = None) -> Any:
        """Return an uninitialised array in device memory, by default of the backend's dtype.

        Shape:
            (max(1, count),), because an array of size 0 has no address.

        Raises:
            GPUNotAvailableError: There is neither GPU nor simulator.
        """
        require_gpu()
        kind = self.dtype if dtype is None else np.dtype(dtype)
        return cuda.device_array(max(1, count), kind, stream=self.stream)

    def upload(self, array: npt.NDArray[Any]) -> Any:
        """Return a copy of a contiguous array in device memory, with the same dtype.

        Raises:
            GPUNotAvailableError: There is neither GPU nor simulator.
        """
        require_gpu()
        return cuda.to_device(array, stream=self.stream)

    def download(self, storage: Any) -> npt.NDArray[Any]:
        """Return a copy in host memory of an array in device memory; wait until it is complete."""
        require_gpu()
        array: npt.NDArray[Any] = storage.copy_to_host(stream=self.stream)
        if self.stream:
            self.stream.synchronize()
        return array

    def run(self, launch: Launch) -> None:
        """Launch a kernel.

        Raises:
            TypeError: An operand is in host memory.
            KernelError: The kernel failed and `debug` is true.
        """
        launching.run(launch, self.stream, self.debug)

    def check_on_device(self, operation: str, *operands: Any) -> None:
        """Check that all operands are in device memory.

        Raises:
            TypeError: One of them is in host memory.
        """
        launching.check_on_device(operation, *operands)

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor with uninitialised elements.

        Raises:
            GPUNotAvailableError: There is neither GPU nor simulator.
        """
        shape = check_shape(shape, "empty")
        strides = strides_from_shape(shape)
        return TensorData.unchecked(self.allocate(span(shape, strides)), shape, strides)

    def full(self, shape: UserShape, value: float) -> TensorData:
        """Return a contiguous tensor whose elements all equal `value`."""
        out = self.empty(shape)
        if out.size > 0:
            arguments = (out.storage, out.size, float(value))
            self.run(Launch(fill, blocks_for(out.size, BLOCK), BLOCK, arguments))
        return out

    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""
        return self.map(operators.id, a)

    def from_numpy(self, array: npt.NDArray[Any]) -> TensorData:
        """Return a tensor in device memory with the array's elements.

        Raises:
            TypeError: The elements of the array are not real numbers.
            GPUNotAvailableError: There is neither GPU nor simulator.
        """
        require_gpu()
        a = self._host.contiguous(self._host.from_numpy(array))
        if a.size == 0:
            return self.empty(a.shape)
        return TensorData.unchecked(self.upload(a.storage[: a.size]), a.shape, a.strides)

    def to_numpy(self, a: TensorData) -> npt.NDArray[Any]:
        """Return a copy of the elements on the host; read-only if a broadcast repeats them."""
        if a.size == 0:
            return np.empty(a.shape, self.dtype)
        self.check_on_device("to_numpy", a)
        if span(a.shape, a.strides) > 2 * a.size:
            # Most of the memory is gaps: gather the elements before copying them.
            a = self.copy(a)
        storage = self.download(a.storage[: span(a.shape, a.strides)])
        return host_array(TensorData.unchecked(storage, a.shape, a.strides))

    # Other libraries

    def to_dlpack(self, a: TensorData, **options: Any) -> Any:
        """Return a DLPack capsule that shares a tensor in device memory.

        The method waits for all kernels, so that the other library may use any stream. The
        simulator exports a capsule of host memory, where its tensors are.

        Raises:
            BufferError: Elements share memory, or the options request a copy or another device.
        """
        if SIMULATED:
            supported = {name: value for name, value in options.items() if name != "stream"}
            return super().to_dlpack(a, **supported)
        self.check_on_device("to_dlpack", a)
        if any(size > 1 and step == 0 for size, step in zip(a.shape, a.strides, strict=True)):
            raise BufferError(
                "__dlpack__: elements of an expanded tensor share memory, so that it cannot be "
                "written to; export its contiguous()"
            )
        if options.get("copy") or options.get("dl_device") not in (None, self.dlpack_device()):
            raise BufferError(
                "__dlpack__: a tensor in device memory is exported without a copy and on its own "
                "device; leave out `copy` and `dl_device`"
            )
        self.synchronize()
        return dlpack.export(a, dlpack.address_of(a), self.dlpack_device())

    def dlpack_device(self) -> tuple[int, int]:
        """Return type and number of the device of `to_dlpack`, as DLPack defines them."""
        return super().dlpack_device() if SIMULATED else (dlpack.CUDA, cuda.get_current_device().id)

    def from_dlpack(self, exporter: Any) -> TensorData:
        """Return the tensor of another library, shared if it is on the GPU, else copied.

        Raises:
            TypeError: It has another dtype than the backend, or is on another kind of device.
        """
        kind, _ = device_of(exporter)
        if SIMULATED or kind != dlpack.CUDA:
            return super().from_dlpack(exporter)
        require_gpu()
        # Stream 1 is the default stream; wait for everything in it.
        capsule = exporter.__dlpack__(stream=1)
        cuda.synchronize()
        return self.from_device(dlpack.Import(capsule))

    def from_device(self, array: Any) -> TensorData:
        """Return a tensor that shares the memory of another library's array on this GPU.

        Args:
            array: An object with `__cuda_array_interface__`, such as an array of CuPy.

        Raises:
            TypeError: It is in host memory, or has another dtype than the backend.
            ValueError: A stride is negative or splits elements.
            GPUNotAvailableError: There is neither GPU nor simulator.
        """
        flat, shape, strides = dlpack.as_flat(array, self.dtype)
        require_gpu()
        # Bound to the stream, reads of single elements wait for kernels in it, too.
        return TensorData.unchecked(cuda.as_cuda_array(flat).bind(self.stream), shape, strides)

    def synchronize(self) -> None:
        """Wait until all kernels and copies of the stream are complete."""
        if self.stream:
            self.stream.synchronize()
        else:
            cuda.synchronize()

    # Hooks of the operations

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self._launch_elementwise(tensor_map(fn), out, a)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self._launch_elementwise(tensor_zip(fn), out, a, b)

    def _launch_elementwise(self, kernel: Kernel, out: TensorData, *operands: TensorData) -> None:
        """Launch one thread for each element of `out`."""
        self.check_on_device(kernel.__name__, out, *operands)
        if out.size > 0:
            arguments = (out, out.size, *operands)
            self.run(Launch(kernel, blocks_for(out.size, BLOCK), BLOCK, arguments))

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self.check_on_device("reduce", a)
        if out.size > 0:
            threads = threads_for(a.shape[dim])
            arguments = (out, out.size, a, dim, float(start))
            self.run(Launch(tensor_reduce(fn), out.size, threads, arguments))

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.check_on_device("matmul", a, b)
        if out.size == 0:
            return
        if out.shape[-1] > MAX_GRID * TILE:
            # Only the first dimension of a grid has no limit: use AB = (Bᵀ Aᵀ)ᵀ.
            out, a, b = _transposed(out), _transposed(b), _transposed(a)
        rows, columns = out.shape[-2:]
        batches = min(out.size // (rows * columns), MAX_GRID)
        grid = (blocks_for(rows, TILE), blocks_for(columns, TILE), batches)
        self.run(Launch(tensor_matrix_multiply, grid, (TILE, TILE), (out, out.size, a, b)))

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        self.check_on_device("convolution", input, weight)
        if out.size > 0:
            # One block for each tile of `out`.
            rows, columns = out.shape[1], out.size // out.shape[1]
            blocks = blocks_for(rows, TILE) * blocks_for(columns, TILE)
            arguments = (out, out.size, input, weight, bool(reverse))
            self.run(Launch(tensor_conv2d, blocks, (TILE, TILE), arguments))


def _rebuild(kind: type[Cuda], dtype: np.dtype[Any], debug: bool) -> Cuda:
    """Return a backend from the values of `Cuda.__reduce__`."""
    return kind(dtype, debug=debug)


def _transposed(a: TensorData) -> TensorData:
    """Return a view with the last two dimensions exchanged."""
    return a.permute(*range(a.dims - 2), a.dims - 1, a.dims - 2)
