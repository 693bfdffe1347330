"""The tuned backend: which kernel computes what."""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_kernels_cpu.tuned.buffers import ALIGNMENT, REUSED_FROM, Buffers
from mt_kernels_cpu.tuned.convolution import correlate
from mt_kernels_cpu.tuned.elementwise import Elementwise
from mt_kernels_cpu.tuned.forms import FORMS
from mt_kernels_cpu.tuned.layouts import rounded
from mt_kernels_cpu.tuned.products import Products
from mt_kernels_cpu.tuned.reductions import Reductions
from mt_tensor import FusedForm, FusedOperation, TensorData
from mt_tensor.layout import Storage, UserShape, check_shape, strides_from_shape
from mt_tensor.tensor_data import as_images


@functools.lru_cache(maxsize=1024)
def pattern(shape: tuple[int, ...]) -> TensorData:
    """Return a tensor of a shape that has no cells, for others of that shape to be made like it."""
    return TensorData.trusted(np.empty(0), shape, strides_from_shape(shape))


class Tuned(Elementwise, Reductions, Products):
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
        self.buffers = Buffers()
        self._few = REUSED_FROM // self.dtype.itemsize

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor whose elements have no particular value."""
        return self.new(check_shape(shape, "empty"))

    def new(self, shape: tuple[int, ...]) -> TensorData:
        """Return what `empty` does, for a shape that needs no check: another tensor's, say."""
        like = pattern(shape)
        return like.like(self._cells(like.size))

    def contiguous(self, a: TensorData) -> TensorData:
        """Return the tensor itself if it is contiguous, else a contiguous copy."""
        return a if a.cells is not None or a.flat() is not None else self.copy(a)

    def loadable(self, a: TensorData) -> TensorData:
        """Return the tensor itself if vectors can be loaded from its storage, else a copy.

        They can if the storage has the backend's dtype and no gaps between its cells.
        """
        cells = a.storage
        fits = cells.dtype == self.dtype and cells.flags.c_contiguous
        return a if fits else self.copy(a)

    def scratch(self, threads: int, cells: int) -> npt.NDArray[Any]:
        """Return memory for each of some threads, which begins with a line of the cache.

        Shape:
            (threads, cells or a few more).
        """
        cells = rounded(cells, ALIGNMENT // self.dtype.itemsize)
        # Few numbers have no buffer, and only buffers begin there.
        memory = self._cells(max(threads * cells, self._few))
        return memory[: threads * cells].reshape(threads, cells)

    def _cells(self, count: int) -> Storage:
        # So few are not worth a buffer, nor the question.
        if count < self._few:
            return np.empty(count, self.dtype)
        return self.buffers.empty(count, self.dtype)

    def fused(self, operation: FusedOperation) -> type[FusedForm[Any]] | None:
        """Return the fused form of a composed function, if there is one."""
        return FORMS.get(operation)

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        operands = (out, input, weight)
        if out.dims == 3:
            operands = (as_images(out), as_images(input), as_images(weight))
        if out.dims > 4 or not correlate(self, *operands, reverse):
            self._strided._convolve(out, input, weight, reverse)
