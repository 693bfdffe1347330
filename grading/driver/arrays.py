"""Conversion of arrays to the memory of tensors, and of that memory to arrays.

Tensors are read from their memory alone. The submission's `contiguous`, `get` and index arithmetic
are not used.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from grading.driver.results import ResultError, float_array, integer
from grading.protocol.messages import Array


def storage_and_strides(array: Array) -> tuple[Array, tuple[int, ...]]:
    """Return the elements of an array in memory order, and its strides in elements.

    The elements are a copy without gaps. The order of the dimensions in memory stays the same.
    """
    order = sorted(range(array.ndim), key=lambda dim: -array.strides[dim])
    packed = np.ascontiguousarray(array.transpose(order), np.float64)
    strides = [0] * array.ndim
    step = 1
    for dim in reversed(order):
        strides[dim] = step
        step *= max(1, array.shape[dim])
    return packed.reshape(-1).copy(), tuple(strides)


_single: list[Any] = []


def use_float32(backend: Any) -> None:
    """Make `with_precision` convert the elements for a backend, whose kernels read float32."""
    _single.append(backend)


def with_precision(storage: Array, backend: Any) -> Array:
    """Return elements in the precision of a backend: float64, or float32."""
    if any(backend is each for each in _single):
        return storage.astype(np.float32)
    return storage


def positions(shape: Sequence[int], strides: Sequence[int]) -> Array:
    """Return the position of every element of a view, relative to the first; int64 of the shape."""
    found = np.zeros(shape, np.int64)
    for dim, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        found += (np.arange(size) * stride).reshape((size,) + (1,) * (len(shape) - dim - 1))
    return found


def elements(storage: Any, shape: Sequence[int], strides: Sequence[int]) -> Array:
    """Return the elements of a tensor, read from its storage.

    Raises:
        ResultError: An element lies outside the storage, or a value has a wrong type.
    """
    numbers = float_array(storage)
    sizes = tuple(integer(size, "the shape of a tensor") for size in shape)
    steps = tuple(integer(stride, "the strides of a tensor") for stride in strides)
    offsets = positions(sizes, steps)
    if offsets.size and not 0 <= offsets.min() <= offsets.max() < len(numbers):
        raise ResultError(
            f"a tensor of shape {sizes} and strides {steps} reaches beyond its storage of "
            f"{len(numbers)} elements"
        )
    return numbers[offsets]


def to_array(tensor: Any) -> Array:
    """Return the elements of a tensor, read from its memory."""
    data = tensor._tensor
    return elements(data._storage, data.shape, data.strides)
