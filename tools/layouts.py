"""The same numbers in different memory layouts, for tests of kernels and of gradients.

A layout is a function of a backend and an array; it returns `TensorData`. Cells that belong to no
element are NaN, so that reading one shows in any sum.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

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
    """Return the elements as a view that begins late, skips every other cell and ends early."""
    # Every dimension is twice as long as needed, and one longer.
    roomy = tuple(2 * size + 1 for size in array.shape)
    big = np.full(roomy, np.nan)
    big[tuple(slice(1, None, 2) for _ in roomy)] = array
    cells = backend.from_numpy(big)
    start = sum(cells.strides) if array.size else 0
    return TensorData(cells.storage[start:], array.shape, [2 * s for s in cells.strides])


def expanded(backend: Backend, array: npt.NDArray[Any]) -> TensorData:
    """Return the first element along every other dimension, repeated: strides of 0.

    These are not the numbers of the array; read them back with `Backend.to_numpy`.
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
    """Return a tensor to write to, in a layout with gaps, and whether its guards still stand.

    The guards are the cells around and between the elements.
    """
    data = gapped(backend, np.zeros(shape))
    reach = span(data.shape, data.strides)
    count = int(np.count_nonzero(np.isnan(np.asarray(data.storage))))

    def intact() -> bool:
        return int(np.count_nonzero(np.isnan(np.asarray(data.storage)))) == count

    assert reach <= len(data.storage)
    return data, intact
