"""Backends whose numbers lie in the memory of the host, as NumPy arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_tensor.backend import Backend
from mt_tensor.layout import UserShape, check_shape, span, strides_from_shape
from mt_tensor.tensor_data import TensorData


class HostBackend(Backend):
    """A backend whose storages are NumPy arrays."""

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor whose elements have no particular value."""
        shape = check_shape(shape, "empty")
        strides = strides_from_shape(shape)
        return TensorData.trusted(np.empty(span(shape, strides), self.dtype), shape, strides)

    def full(self, shape: UserShape, value: float) -> TensorData:
        """Return a contiguous tensor whose elements all have one value."""
        out = self.empty(shape)
        out.storage.fill(value)
        return out

    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""
        out = self.empty(a.shape)
        np.copyto(host_array(out), host_array(a))
        return out

    def from_numpy(self, array: npt.NDArray[Any]) -> TensorData:
        """Return a tensor with the array's elements, sharing its memory where it can.

        It can where the dtype is the backend's and the array is writable and aligned, with
        strides that are whole, non-negative numbers of elements.

        Raises:
            TypeError: The array holds something else than real numbers.
        """
        array = np.asarray(array)
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"from_numpy: an array of {array.dtype} cannot become a tensor of {self.dtype}; "
                "give real numbers"
            )
        check_shape(array.shape, "from_numpy")
        itemsize = self.dtype.itemsize
        shareable = (
            array.dtype == self.dtype
            and array.flags.writeable
            and array.flags.aligned
            and all(stride >= 0 and stride % itemsize == 0 for stride in array.strides)
        )
        if not shareable or array.size == 0:
            array = np.array(array, self.dtype, order="C", copy=True)
        strides = tuple(stride // itemsize for stride in array.strides)
        if array.flags.c_contiguous:
            return TensorData.trusted(
                array.reshape(-1), array.shape, strides_from_shape(array.shape)
            )
        # One flat view over everything from the first to the last element, gaps included.
        cells = np.lib.stride_tricks.as_strided(array, (span(array.shape, strides),), (itemsize,))
        return TensorData.trusted(cells, array.shape, strides)

    def to_numpy(self, a: TensorData) -> npt.NDArray[Any]:
        """Return a view of the elements; read-only where cells repeat (a broadcast view)."""
        return host_array(a)


def host_array(a: TensorData) -> npt.NDArray[Any]:
    """Return a view of a tensor in host memory as an array of its shape.

    The view is read-only where cells repeat.
    """
    if a.is_contiguous():
        return a.storage[: a.size].reshape(a.shape)
    (step,) = a.storage.strides
    repeats = any(size > 1 and stride == 0 for size, stride in zip(a.shape, a.strides, strict=True))
    return np.lib.stride_tricks.as_strided(
        a.storage, a.shape, tuple(s * step for s in a.strides), writeable=not repeats
    )
