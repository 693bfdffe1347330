"""Operations that sort. NaN counts as larger than every number."""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from mt_autodiff.basic_tensor import T, reduced
from mt_autodiff.composed.apply import constant, elements, positions
from mt_autodiff.composed.reductions import Extremes
from mt_autodiff.composed.selection import along
from mt_autodiff.composed.shapes import reshape
from mt_autodiff.names import of_numpy
from mt_tensor import ShapeError
from mt_tensor.layout import normalize_dim


@of_numpy
def sort(x: T, dim: int = -1, descending: bool = False) -> Extremes[T]:
    """Return the elements in order along a dimension, and their positions before.

    The order is stable: equal elements stay in their order.

    Args:
        x: The elements.
        dim: The dimension.
        descending: True begins with the largest element.

    Shape:
        (..., n, ...) → (..., n, ...) twice.

    Raises:
        IndexingError: There is no such dimension.

    >>> from mt_autodiff import tensor
    >>> tensor([3.0, 1.0, 2.0]).sort()
    Extremes(values=tensor([1., 2., 3.]), indices=tensor([1., 2., 0.]))
    """
    at = normalize_dim(dim, x.dims, "sort")
    order = _order(x, at, descending, "sort")
    return Extremes(along(x, order, at), positions(x, order, "sort"))


@of_numpy
def argsort(x: T, dim: int = -1, descending: bool = False) -> T:
    """Return the positions of the elements in order along a dimension; see `sort`."""
    at = normalize_dim(dim, x.dims, "argsort")
    return positions(x, _order(x, at, descending, "argsort"), "argsort")


@of_numpy
def topk(x: T, k: int, dim: int = -1, largest: bool = True) -> Extremes[T]:
    """Return the k largest or smallest elements along a dimension, in order, and their positions.

    Shape:
        (..., n, ...) → (..., k, ...) twice.

    Raises:
        IndexingError: There is no such dimension.
        ShapeError: There are fewer than k elements along it, or k is negative.
    """
    at = normalize_dim(dim, x.dims, "topk")
    if not 0 <= k <= x.shape[at]:
        raise ShapeError(f"topk: k = {k}; dimension {at} of shape {x.shape} has {x.shape[at]}")
    order = _order(x, at, largest, "topk").take(range(k), at)
    return Extremes(along(x, order, at), positions(x, order, "topk"))


@overload
def median(x: T, dim: None = None, keepdim: bool = False) -> T: ...


@overload
def median(x: T, dim: int, keepdim: bool = False) -> Extremes[T]: ...


@of_numpy
def median(x: T, dim: int | None = None, keepdim: bool = False) -> T | Extremes[T]:
    """Return the median of all elements, or medians and their positions along a dimension.

    The median of an even number of elements is the smaller of the two in the middle, as in PyTorch;
    NumPy's is their mean. It is NaN if an element is NaN.

    Shape:
        (..., n, ...) → (..., ...) twice; or (1,).

    Raises:
        IndexingError: There is no such dimension.
        ShapeError: There are no elements along the dimension.
    """
    flat, at = (reshape(x, -1), 0) if dim is None else (x, normalize_dim(dim, x.dims, "median"))
    size = flat.shape[at]
    if size == 0:
        raise ShapeError(f"median: shape {x.shape} has no elements along dimension {at}")
    order = _order(flat, at, False, "median")
    numbers = order.take([(size - 1) // 2], at)
    # NaN is the last in order: where there is one, it is the median.
    array = elements(flat, "median")
    last = order.take([size - 1], at)
    numbers = np.where(np.isnan(np.take_along_axis(array, last, at)), last, numbers)
    dims = None if dim is None else (at,)
    values = reduced(along(flat, numbers, at), dims, x.dims, keepdim)
    if dim is None:
        return values
    return Extremes(values, reduced(positions(x, numbers, "median"), dims, x.dims, keepdim))


def unique(x: T) -> T:
    """Return the different elements in ascending order, a constant.

    Shape:
        (...) → (number of different elements,).
    """
    return constant(x, np.unique(elements(x, "unique")))


def _order(x: T, dim: int, descending: bool, operation: str) -> npt.NDArray[np.int64]:
    """Return the positions of the elements in order along a dimension."""
    array = elements(x, operation)
    if not descending:
        return np.argsort(array, dim, kind="stable").astype(np.int64)
    # The ascending order of the reversed elements, reversed: equal elements stay in their order.
    backward = np.argsort(np.flip(array, dim), dim, kind="stable")
    return np.flip(x.shape[dim] - 1 - backward, dim).astype(np.int64)
