"""Memory of the tuned backend.

`Memory` is the base class of its operations and the type of backend that fused forms take. It
allocates tensors and scratch from reused buffers, and converts operands to layouts that kernels
read. It computes nothing.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.buffers import ALIGNMENT, REUSED_FROM, Buffers, round_up
from mt_tensor import HostBackend, TensorData, recording
from mt_tensor.layout import Storage, UserShape, check_shape, strides_from_shape


@functools.lru_cache(maxsize=1024)
def template(shape: tuple[int, ...]) -> TensorData:
    """Return a tensor of a shape without elements in its storage, from which others are made."""
    return TensorData.unchecked(np.empty(0), shape, strides_from_shape(shape))


class Memory(HostBackend):
    """Part of a backend that allocates memory and converts layouts.

    Attributes:
        buffers: The store of reused memory blocks.
    """

    def __init__(self, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__(dtype)
        self.buffers = Buffers()
        self._min_reused = REUSED_FROM // self.dtype.itemsize

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy has kernels and memory of its own.
        return type(self), (self.dtype,)

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor with arbitrary values."""
        return self.new(check_shape(shape, "empty"))

    def new(self, shape: tuple[int, ...]) -> TensorData:
        """Return a contiguous tensor with arbitrary values, without the checks of `empty`."""
        model = template(shape)
        return model.with_storage(self.storage(model.size))

    def storage(self, count: int) -> Storage:
        """Return memory for `count` elements of the backend's dtype, with arbitrary values."""
        # For few elements, finding a buffer takes longer than allocating.
        if count < self._min_reused:
            return np.empty(count, self.dtype)
        return self.buffers.empty(count, self.dtype)

    def scratch(self, threads: int, count: int) -> npt.NDArray[Any]:
        """Return memory for each of some threads. Every row begins at a cache line.

        Shape:
            (threads, `count` rounded up to whole cache lines).
        """
        count = round_up(count, ALIGNMENT // self.dtype.itemsize)
        # Only buffers are aligned to cache lines, and small arrays come from NumPy.
        memory = self.storage(max(threads * count, self._min_reused))
        return memory[: threads * count].reshape(threads, count)

    def contiguous(self, a: TensorData) -> TensorData:
        """Return the tensor itself if it is contiguous, else a contiguous copy."""
        return a if a.cached_flat is not None or a.flat() is not None else self.copy(a)

    def elements(self, a: TensorData) -> Storage:
        """Return the elements in row-major order without gaps, copied only if necessary.

        Shape:
            (...) → (size,).
        """
        elements = a.flat() if a.cached_flat is None else a.cached_flat
        return self.copy(a).storage if elements is None else elements

    def as_native(self, a: TensorData) -> TensorData:
        """Return the tensor itself if vectors can be loaded from its storage, else a copy.

        Vectors can be loaded if the storage has the backend's dtype and no gaps between elements.
        """
        storage = a.storage
        is_native = storage.dtype == self.dtype and storage.flags.c_contiguous
        return a if is_native else self.copy(a)


@recording.intercept(Memory, "storage")
def _record_storage(
    recorder: recording.Recorder, storage: Any, backend: Memory, count: int
) -> Storage:
    """Return memory that the recorder may place elsewhere after the step."""
    return recorder.allocated(count, backend.dtype)
