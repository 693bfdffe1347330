"""The memory of the tuned backend: the base class that its operations and fused forms are typed by.

It allocates tensors and scratch from buffers that are used again, and brings operands into layouts
that kernels can read. It computes nothing itself.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.buffers import ALIGNMENT, REUSED_FROM, Buffers, round_up
from mt_tensor import HostBackend, TensorData
from mt_tensor.layout import Storage, UserShape, check_shape, strides_from_shape


@functools.lru_cache(maxsize=1024)
def template(shape: tuple[int, ...]) -> TensorData:
    """Return a tensor without elements in its storage, from which others of its shape are made."""
    return TensorData.unchecked(np.empty(0), shape, strides_from_shape(shape))


class Memory(HostBackend):
    """The part of a backend that allocates memory and converts layouts.

    Attributes:
        buffers: Blocks of memory that serve one array after the other.
    """

    def __init__(self, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__(dtype)
        self.buffers = Buffers()
        self._few = REUSED_FROM // self.dtype.itemsize

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy finds kernels and memory of its own.
        return type(self), (self.dtype,)

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor whose elements have no particular value."""
        return self.new(check_shape(shape, "empty"))

    def new(self, shape: tuple[int, ...]) -> TensorData:
        """Return what `empty` does, for a shape that needs no check: another tensor's, say."""
        like = template(shape)
        return like.with_storage(self.storage(like.size))

    def storage(self, count: int) -> Storage:
        """Return memory for `count` numbers of the backend's dtype, with no particular value."""
        # A buffer costs more than it saves for so few numbers.
        if count < self._few:
            return np.empty(count, self.dtype)
        return self.buffers.empty(count, self.dtype)

    def scratch(self, threads: int, count: int) -> npt.NDArray[Any]:
        """Return memory for each of some threads, which begins with a line of the cache.

        Shape:
            (threads, count or a few more).
        """
        count = round_up(count, ALIGNMENT // self.dtype.itemsize)
        # Only buffers begin with a line of the cache, and few numbers have no buffer.
        memory = self.storage(max(threads * count, self._few))
        return memory[: threads * count].reshape(threads, count)

    def contiguous(self, a: TensorData) -> TensorData:
        """Return the tensor itself if it is contiguous, else a contiguous copy."""
        return a if a.cached_flat is not None or a.flat() is not None else self.copy(a)

    def elements(self, a: TensorData) -> Storage:
        """Return the elements in row-major order without gaps, copied only if they lie otherwise.

        Shape:
            (...) → (size,).
        """
        elements = a.flat() if a.cached_flat is None else a.cached_flat
        return self.copy(a).storage if elements is None else elements

    def as_native(self, a: TensorData) -> TensorData:
        """Return the tensor itself if vectors can be loaded from its storage, else a copy.

        They can if the storage has the backend's dtype and no gaps between its elements.
        """
        cells = a.storage
        fits = cells.dtype == self.dtype and cells.flags.c_contiguous
        return a if fits else self.copy(a)
