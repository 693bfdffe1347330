"""The backend of NVIDIA GPUs."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from mt_kernels_cuda import dlpack, launching
from mt_kernels_cuda.convolution import tensor_conv2d
from mt_kernels_cuda.elementwise import fill, tensor_map, tensor_zip
from mt_kernels_cuda.gpu import SIMULATED, require_gpu
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.launching import BLOCK, LARGEST_GRID, TILE, Launch, blocks_for
from mt_kernels_cuda.matrix_multiply import tensor_matrix_multiply
from mt_kernels_cuda.reduction import tensor_reduce, threads_for
from mt_tensor import Backend, HostBackend, Map, Reference, TensorData, Zip, host_array, operators
from mt_tensor.layout import UserShape, check_shape, span, strides_from_shape


class Cuda(Backend):
    """The course's kernels on a GPU, or in numba's simulator.

    Numbers stay in the GPU's memory until `to_numpy` fetches them; an operand that is elsewhere
    is an error, never a silent copy. A backend can be made anywhere; the first use of its memory
    raises `GPUNotAvailableError` where there is neither GPU nor simulator.

    Attributes:
        debug: True if the host waits for every kernel.
        stream: The queue of kernels and copies.

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
            dtype: The type of every number that it stores.
            debug: Wait for every kernel, so that an error of one is raised by the call that
                launched it, with its name, grid, block and shapes. Slow: without it, the host
                prepares the next kernels while one runs.
            stream: The queue for kernels and copies, as ``numba.cuda.stream()`` makes it; the
                device's own unless given. Tensors of one stream may be used in another when the
                first is done (``stream.synchronize()``).

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
        """Copy and pickle what it computes with, not its stream, which belongs to a process."""
        return _made, (type(self), self.dtype, self.debug)

    # Memory

    @property
    def _host(self) -> HostBackend:
        """A backend that arranges numbers in host memory on the way to the device."""
        return Reference(self.dtype)

    def cells(self, count: int, dtype: npt.DTypeLike | None = None) -> Any:
        """Return an array in device memory, of the backend's dtype unless another is given.

        Shape:
            (max(1, count),): no memory has no address.

        Raises:
            GPUNotAvailableError: There is no GPU to have memory.
        """
        require_gpu()
        kind = self.dtype if dtype is None else np.dtype(dtype)
        return cuda.device_array(max(1, count), kind, stream=self.stream)

    def upload(self, array: npt.NDArray[Any]) -> Any:
        """Return a contiguous array, copied to device memory as it is.

        Raises:
            GPUNotAvailableError: There is no GPU to have memory.
        """
        require_gpu()
        return cuda.to_device(array, stream=self.stream)

    def download(self, storage: Any) -> npt.NDArray[Any]:
        """Return an array that is in device memory, copied to the host as soon as it is ready."""
        array: npt.NDArray[Any] = storage.copy_to_host(stream=self.stream)
        if self.stream:
            self.stream.synchronize()
        return array

    def run(self, launch: Launch) -> None:
        """Launch a kernel.

        Raises:
            TypeError: An operand is in host memory.
            KernelError: The kernel failed, and the backend is one that debugs.
        """
        launching.run(launch, self.stream, self.debug)

    def check_place(self, operation: str, *operands: Any) -> None:
        """Raise TypeError unless all operands are in device memory."""
        launching.check_place(operation, *operands)

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor whose elements have no particular value.

        Raises:
            GPUNotAvailableError: There is no GPU to have memory.
        """
        shape = check_shape(shape, "empty")
        strides = strides_from_shape(shape)
        return TensorData.unchecked(self.cells(span(shape, strides)), shape, strides)

    def full(self, shape: UserShape, value: float) -> TensorData:
        """Return a contiguous tensor whose elements all have one value."""
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
            TypeError: The array holds something else than real numbers.
            GPUNotAvailableError: There is no GPU to have memory.
        """
        require_gpu()
        a = self._host.contiguous(self._host.from_numpy(array))
        if a.size == 0:
            return self.empty(a.shape)
        return TensorData.unchecked(self.upload(a.storage[: a.size]), a.shape, a.strides)

    def to_numpy(self, a: TensorData) -> npt.NDArray[Any]:
        """Return a copy of the elements on the host; read-only where a broadcast repeats them."""
        if a.size == 0:
            return np.empty(a.shape, self.dtype)
        self.check_place("to_numpy", a)
        if span(a.shape, a.strides) > 2 * a.size:
            # Mostly gaps: gather the elements before they travel.
            a = self.copy(a)
        cells = self.download(a.storage[: span(a.shape, a.strides)])
        return host_array(TensorData.unchecked(cells, a.shape, a.strides))

    # Other libraries

    def to_dlpack(self, a: TensorData, **options: Any) -> Any:
        """Return a DLPack capsule of a tensor in the GPU's memory, without a copy.

        It is ready whatever stream the other library reads it in. The simulator exports a copy in
        host memory, where its tensors really are.

        Raises:
            BufferError: The elements share memory; or a copy is asked for, or another device.
        """
        if SIMULATED:
            given = {name: value for name, value in options.items() if name != "stream"}
            return super().to_dlpack(a, **given)
        self.check_place("to_dlpack", a)
        if any(size > 1 and step == 0 for size, step in zip(a.shape, a.strides, strict=True)):
            raise BufferError(
                "__dlpack__: elements of an expanded tensor share memory, which others must not "
                "write to; export its contiguous()"
            )
        if options.get("copy") or options.get("dl_device") not in (None, self.dlpack_device()):
            raise BufferError("__dlpack__: a tensor of a GPU is exported where it is, uncopied")
        self.synchronize()
        return dlpack.export(a, dlpack.address_of(a), self.dlpack_device())

    def dlpack_device(self) -> tuple[int, int]:
        """Return the kind and the number of the device in whose memory `to_dlpack` exports."""
        return super().dlpack_device() if SIMULATED else (dlpack.CUDA, cuda.get_current_device().id)

    def from_dlpack(self, exporter: Any) -> TensorData:
        """Return a tensor of another library's: shared on the GPU, copied from the host.

        Raises:
            TypeError: It holds other numbers than this backend does, or is elsewhere.
        """
        kind, _ = exporter.__dlpack_device__()
        if SIMULATED or int(kind) != dlpack.CUDA:
            return super().from_dlpack(exporter)
        require_gpu()
        # The stream is the device's own, and everything before is done.
        capsule = exporter.__dlpack__(stream=1)
        cuda.synchronize()
        return self.from_device(dlpack.Import(capsule))

    def from_device(self, array: Any) -> TensorData:
        """Return a tensor that shares the memory of another library's array on this GPU.

        Args:
            array: Anything with `__cuda_array_interface__`, such as an array of CuPy.

        Raises:
            TypeError: It is in host memory, or holds other numbers than this backend does.
            ValueError: It runs backwards through memory.
            GPUNotAvailableError: There is no GPU to have memory.
        """
        flat, shape, strides = dlpack.as_flat(array, self.dtype)
        require_gpu()
        # Single elements, too, are read after what is in the queue by then.
        return TensorData.unchecked(cuda.as_cuda_array(flat).bind(self.stream), shape, strides)

    def synchronize(self) -> None:
        """Wait until all kernels and copies are done."""
        if self.stream:
            self.stream.synchronize()
        else:
            cuda.synchronize()

    # What the operations are made of

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self._launch_elementwise(tensor_map(fn), out, a)

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self._launch_elementwise(tensor_zip(fn), out, a, b)

    def _launch_elementwise(self, kernel: Kernel, out: TensorData, *operands: TensorData) -> None:
        """Launch one thread for each element of `out`."""
        self.check_place(kernel.__name__, out, *operands)
        if out.size > 0:
            arguments = (out, out.size, *operands)
            self.run(Launch(kernel, blocks_for(out.size, BLOCK), BLOCK, arguments))

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self.check_place("reduce", a)
        if out.size > 0:
            threads = threads_for(a.shape[dim])
            arguments = (out, out.size, a, dim, float(start))
            self.run(Launch(tensor_reduce(fn), out.size, threads, arguments))

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.check_place("matmul", a, b)
        if out.size == 0:
            return
        if out.shape[-1] > LARGEST_GRID * TILE:
            # The rows may be that many: AB is the transpose of (B transposed) (A transposed).
            out, a, b = _transposed(out), _transposed(b), _transposed(a)
        rows, columns = out.shape[-2:]
        batches = min(out.size // (rows * columns), LARGEST_GRID)
        grid = (blocks_for(rows, TILE), blocks_for(columns, TILE), batches)
        self.run(Launch(tensor_matrix_multiply, grid, (TILE, TILE), (out, out.size, a, b)))

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        self.check_place("convolution", input, weight)
        if out.size > 0:
            # One block for each tile of `out`.
            rows, columns = out.shape[1], out.size // out.shape[1]
            blocks = blocks_for(rows, TILE) * blocks_for(columns, TILE)
            arguments = (out, out.size, input, weight, bool(reverse))
            self.run(Launch(tensor_conv2d, blocks, (TILE, TILE), arguments))


def _made(kind: type[Cuda], dtype: np.dtype[Any], debug: bool) -> Cuda:
    """Return the backend that `Cuda.__reduce__` took apart."""
    return kind(dtype, debug=debug)


def _transposed(a: TensorData) -> TensorData:
    """Return a view with the last two dimensions exchanged."""
    return a.permute(*range(a.dims - 2), a.dims - 1, a.dims - 2)
