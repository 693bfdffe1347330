"""Memory layouts for tests of kernels and gradients.

A layout is a function of a backend and an array that returns `TensorData`. Unused positions of the
storage are NaN, so that a kernel that reads one returns NaN.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from mt_tensor import Backend, TensorData
from mt_tensor.layout import span

Layout: TypeAlias = Callable[[Backend, npt.NDArray[Any]], TensorData]


def contiguous(backend: Backend, array: npt.NDArray[Any]) -> TensorData:
    """Return the elements in row-major order."""
    return backend.from_numpy(array.copy(order="C"))


def permuted(backend: Backend, array: npt.NDArray[Any]) -> TensorData:
    """Return the elements in column-major order."""
    data = backend.from_numpy(array.T.copy(order="C"))
    return data.permute(*reversed(range(array.ndim)))


def gapped(backend: Backend, array: npt.NDArray[Any]) -> TensorData:
    """Return the elements with unused positions before, between and after them."""
    return _gapped(backend, array)[1]


def _gapped(backend: Backend, array: npt.NDArray[Any]) -> tuple[TensorData, TensorData]:
    """Return the whole storage, guards included, and the tensor in it."""
    strides: list[int] = []
    step = 2
    for size in reversed(array.shape):
        strides.insert(0, step)
        step = step * size + 1
    numbers = np.full(1 + span(array.shape, strides) + 1, np.nan)
    inside = numbers[1:]
    as_strided(inside, array.shape, [inside.itemsize * s for s in strides])[...] = array
    whole = backend.from_numpy(numbers)
    return whole, TensorData(whole.storage[1:], array.shape, strides)


def expanded(backend: Backend, array: npt.NDArray[Any]) -> TensorData:
    """Return a tensor with stride 0 along every second dimension, which repeats the first element.

    Its elements differ from those of the array; read them with `Backend.to_numpy`.
    """
    few = array[tuple(slice(1 if dim % 2 == 0 else None) for dim in range(array.ndim))]
    if 0 in array.shape:
        return backend.from_numpy(array.copy())
    return backend.from_numpy(few.copy(order="C")).expand(array.shape)


LAYOUTS: dict[str, Layout] = {
    layout.__name__: layout for layout in (contiguous, permuted, gapped, expanded)
}
"""All layouts by name."""


def guarded(backend: Backend, shape: tuple[int, ...]) -> tuple[TensorData, Callable[[], bool]]:
    """Return a tensor of zeros in a layout with gaps, and a check of its guards.

    The guards are the positions around and between the elements.
    """
    whole, data = _gapped(backend, np.zeros(shape))

    def intact() -> bool:
        """Return True if all guards are still NaN."""
        guards = np.isnan(backend.to_numpy(whole))
        return int(guards.sum()) == whole.size - data.size

    return data, intact


def operand(data: st.DataObject, dtype: Any, *shape: int) -> TensorData:
    """Draw a tensor in a permuted layout with gaps (NaN) and strides of 0.

    Args:
        data: The data object of hypothesis.
        dtype: The dtype of the elements.
        shape: The shape of the tensor.
    """
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    strides, reach = [0] * len(shape), 1
    for dim in data.draw(st.permutations(range(len(shape)))):
        if data.draw(st.integers(0, 9)) == 0:
            continue
        strides[dim] = reach * data.draw(st.integers(1, 2))
        reach = strides[dim] * max(1, shape[dim])
    storage = np.full(reach + 1, np.nan, dtype)
    result = TensorData(storage, shape, strides)
    for index in result.indices():
        storage[result.index(index)] = rng.normal()
    return result
