"""Elements chosen by arrays of positions, and their inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff import functions
from mt_autodiff.basic_tensor import T
from mt_autodiff.composed.apply import apply, elements, positions
from mt_autodiff.composed.elementwise import ne
from mt_autodiff.composed.in_place import check_writable
from mt_autodiff.indexing import as_positions
from mt_tensor import IndexingError, ShapeError
from mt_tensor.layout import normalize_dim


def gather(x: T, dim: int, index: Any) -> T:
    """Return elements by their positions along a dimension.

    In two dimensions, along dimension 1: ``out[i, j] = x[i, index[i, j]]``.

    Args:
        x: The elements.
        dim: The dimension.
        index: The positions, whole numbers: a tensor, an array or nested lists. It has the
            dimensions of x, and is not larger in any but `dim`.

    Shape:
        (..., n, ...), (..., k, ...) → (..., k, ...).

    Raises:
        IndexingError: There is no such dimension, or a position is out of range.
        ShapeError: The index does not fit.
        TypeError: The index does not contain whole numbers.

    >>> from mt_autodiff import tensor
    >>> tensor([[1.0, 2.0], [3.0, 4.0]]).gather(1, [[1], [0]])
    tensor([[2.],
            [3.]])
    """
    at = normalize_dim(dim, x.dims, "gather")
    return along(x, _numbers(x, at, index, "gather"), at)


def along(x: T, numbers: npt.NDArray[np.int64], dim: int) -> T:
    """Return elements by their positions along a dimension, which are known to fit."""
    return apply(functions.Index, x, _key(numbers, dim))


def scatter_(x: T, dim: int, index: Any, value: Any) -> T:
    """Set elements, by their positions along a dimension, in place; the inverse of `gather`.

    Args:
        x: The tensor that changes: a constant, or a leaf inside `no_grad`.
        dim: The dimension.
        index: The positions; see `gather`.
        value: A number, or a constant of the index's shape.

    Raises:
        IndexingError: There is no such dimension, or a position is out of range.
        ShapeError: The index does not fit.
        TypeError: The index does not contain whole numbers.
        RuntimeError: Gradients would be lost.
    """
    at = normalize_dim(dim, x.dims, "scatter_")
    key = _key(_numbers(x, at, index, "scatter_"), at)
    check_writable(x, "scatter_")
    x[key] = value
    return x


def _key(numbers: npt.NDArray[np.int64], dim: int) -> tuple[Any, ...]:
    """Return the index of elements whose positions along one dimension are given."""
    key: list[Any] = list(np.ogrid[tuple(slice(n) for n in numbers.shape)])
    key[dim] = numbers
    return tuple(key)


def _numbers(x: T, dim: int, index: Any, operation: str) -> npt.NDArray[np.int64]:
    """Return positions along a dimension as an array.

    Raises:
        ShapeError: They do not fit the tensor.
        IndexingError: A position is out of range.
        TypeError: They are not whole numbers.
    """
    numbers = as_positions(index, operation)
    fits = all(
        dim == d or numbers.shape[d] <= size for d, size in enumerate(x.shape[: numbers.ndim])
    )
    if numbers.ndim != x.dims or not fits:
        raise ShapeError(
            f"{operation}: an index of shape {numbers.shape} for shape {x.shape}; it must have as "
            f"many dimensions, and be as large at most, except in dimension {dim}"
        )
    size = x.shape[dim]
    if numbers.size and not -size <= numbers.min() <= numbers.max() < size:
        raise IndexingError(
            f"{operation}: positions from {numbers.min()} to {numbers.max()} along dimension "
            f"{dim}, which has {size} elements"
        )
    return numbers


def index_select(x: T, dim: int, index: Any) -> T:
    """Return slices by their positions along a dimension.

    Shape:
        (..., n, ...), (k,) → (..., k, ...).

    Raises:
        IndexingError: There is no such dimension, or a position is out of range.
        TypeError: The positions are not whole numbers.
    """
    at = normalize_dim(dim, x.dims, "index_select")
    chosen: T = x[(*(slice(None),) * at, as_positions(index, "index_select"))]
    return chosen


def masked_select(x: T, mask: Any) -> T:
    """Return the elements where a mask is not 0, in row-major order.

    Shape:
        (...), (...) → (number of elements,).
    """
    truth: Any = ne(x._operand(mask), 0.0)
    chosen: T = x[truth.expand(x.shape)]
    return chosen


def nonzero(x: T) -> T:
    """Return the indices of the elements that are not 0, one row for each, a constant.

    Shape:
        (...) → (number of elements, number of dimensions).
    """
    return positions(x, np.argwhere(elements(x, "nonzero")).astype(np.int64), "nonzero")
