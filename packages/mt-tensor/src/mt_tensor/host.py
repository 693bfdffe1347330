"""Backends whose storages are NumPy arrays in host memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_tensor import recording
from mt_tensor.backend import Backend
from mt_tensor.layout import UserShape, check_shape, span, strides_from_shape
from mt_tensor.tensor_data import TensorData


class HostBackend(Backend):
    """A backend whose storages are NumPy arrays."""

    def empty(self, shape: UserShape) -> TensorData:
        """Return a contiguous tensor with uninitialized elements."""
        shape = check_shape(shape, "empty")
        strides = strides_from_shape(shape)
        return TensorData.unchecked(np.empty(span(shape, strides), self.dtype), shape, strides)

    def full(self, shape: UserShape, value: float) -> TensorData:
        """Return a contiguous tensor whose elements all equal `value`."""
        out = self.empty(shape)
        recording.called(out.storage.fill, value)
        return out

    def copy(self, a: TensorData) -> TensorData:
        """Return a contiguous copy."""
        out = self.empty(a.shape)
        recording.called(np.copyto, host_array(out), host_array(a))
        return out

    def from_numpy(self, array: npt.NDArray[Any]) -> TensorData:
        """Return a tensor with the array's elements, sharing its memory where possible.

        The memory is shared if the dtype is the backend's and the array is writable and aligned,
        with strides that are non-negative multiples of the element size.

        Raises:
            TypeError: The array's dtype is not real.
        """
        array = np.asarray(array)
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"from_numpy: an array of {array.dtype} cannot become a tensor of {self.dtype}; "
                "pass an array of a real dtype"
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
            return TensorData.unchecked(
                array.reshape(-1), array.shape, strides_from_shape(array.shape)
            )
        # One flat view from the first to the last element, gaps included.
        storage = np.lib.stride_tricks.as_strided(array, (span(array.shape, strides),), (itemsize,))
        return TensorData.unchecked(storage, array.shape, strides)

    def to_numpy(self, a: TensorData) -> npt.NDArray[Any]:
        """Return a view of the elements; read-only if elements share storage (broadcast views)."""
        return host_array(a)


def in_double(compute: Callable[[TensorData], None], out: TensorData) -> None:
    """Let a loop compute sums in double precision, and round each to the dtype of `out` once.

    A sum in single precision stalls: from 16,777,216 on, adding 1 changes nothing.

    Args:
        compute: The loop. It writes into its argument, which has the shape and values of `out`, and
            keeps sums in the dtype of its argument.
        out: The output.
    """
    if out.storage.dtype == np.float64:
        compute(out)
        return
    recording.refuse("adds in double precision outside of a kernel")
    rounded = host_array(out)
    # No warnings: uninitialized elements may be any numbers, and sums may overflow.
    with np.errstate(all="ignore"):
        exact = rounded.astype(np.float64, order="C")
        compute(TensorData.unchecked(exact.reshape(-1), out.shape, strides_from_shape(out.shape)))
        rounded[...] = exact


def host_array(a: TensorData) -> npt.NDArray[Any]:
    """Return a view of a tensor in host memory as an array of its shape.

    The view is read-only if elements share storage, as in a broadcast view.
    """
    if a.is_contiguous():
        return a.storage[: a.size].reshape(a.shape)
    (step,) = a.storage.strides
    repeats = any(size > 1 and stride == 0 for size, stride in zip(a.shape, a.strides, strict=True))
    return np.lib.stride_tricks.as_strided(
        a.storage, a.shape, tuple(s * step for s in a.strides), writeable=not repeats
    )
