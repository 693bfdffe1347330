"""Reductions: one number for the elements along a dimension.

A named dimension is dropped; with ``keepdim=True`` it stays, with size 1. Without a dimension all
elements are reduced, and the result has shape (1,).
"""

from __future__ import annotations

import math
from typing import Generic, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from mt_autodiff import functions
from mt_autodiff.basic_tensor import Dims, T, reduced, truth
from mt_autodiff.composed.apply import apply, elements, positions
from mt_autodiff.composed.elementwise import abs, eq, isfinite, ne, where
from mt_autodiff.composed.selection import along
from mt_autodiff.composed.shapes import reshape
from mt_autodiff.names import of_numpy
from mt_tensor import ShapeError
from mt_tensor.layout import normalize_dim, normalize_dims


class Extremes(NamedTuple, Generic[T]):
    """Elements along a dimension, and where they are.

    Attributes:
        values: The elements.
        indices: Their positions along the dimension, a constant of whole numbers.
    """

    values: T
    indices: T


@of_numpy
def var(x: T, dim: Dims = None, correction: float = 1, keepdim: bool = False) -> T:
    r"""Return the variance $\frac{1}{n - c} \sum_i (x_i - \bar x)^2$.

    Args:
        x: The elements.
        dim: The dimensions; None means all elements.
        correction: The number c: 1 estimates the variance of a population from a sample, as
            PyTorch does by default; 0 is NumPy's default.
        keepdim: True keeps the dimensions, with size 1.

    Shape:
        (..., n, ...) → (..., ...), or (1,).

    Raises:
        IndexingError: A dimension does not exist or is named twice.
    """
    dims = None if dim is None else normalize_dims(dim, x.dims, "var")
    count = x.data.size if dims is None else math.prod(x.shape[d] for d in dims)
    rest = count - correction
    squares = ((x - x.mean(dims, keepdim=True)) ** 2).sum(dims, keepdim)
    return squares / rest if rest > 0 else squares * math.nan


@of_numpy
def std(x: T, dim: Dims = None, correction: float = 1, keepdim: bool = False) -> T:
    """Return the standard deviation, the square root of the variance; see `var`."""
    return var(x, dim, correction, keepdim).sqrt()


@of_numpy
def prod(x: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the product of the elements along a dimension, or of all elements.

    Shape:
        (..., n, ...) → (..., ...), or (1,).

    Raises:
        IndexingError: There is no such dimension.
    """
    if dim is None:
        return reduced(apply(functions.Product, reshape(x, -1), 0), None, x.dims, keepdim)
    at = normalize_dim(dim, x.dims, "prod")
    return reduced(apply(functions.Product, x, at), (at,), x.dims, keepdim)


@of_numpy
def cumsum(x: T, dim: int) -> T:
    """Return the sums of the elements up to each one along a dimension.

    Shape:
        (..., n, ...) → (..., n, ...).

    Raises:
        IndexingError: There is no such dimension.
    """
    return apply(functions.CumulativeSum, x, normalize_dim(dim, x.dims, "cumsum"))


@of_numpy
def any(x: T, dim: Dims = None, keepdim: bool = False) -> T:
    """Return 1 where at least one element is not 0, else 0.

    Shape:
        (..., n, ...) → (..., ...), or (1,).
    """
    return truth(1.0 - eq(x, 0.0).all(dim, keepdim))


@of_numpy
def count_nonzero(x: T, dim: Dims = None, keepdim: bool = False) -> T:
    """Return the number of elements that are not 0.

    Shape:
        (..., n, ...) → (..., ...), or (1,).
    """
    return ne(x, 0.0).sum(dim, keepdim)


# Extremes[T]: the first one has the gradient, and NaN is larger and smaller than every number


@of_numpy
def argmax(x: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the position of the first maximum, a constant of whole numbers.

    The position of NaN is returned, if there is one. `mt_nn.argmax` is the course's function, whose
    result is one-hot.

    Args:
        x: The elements.
        dim: The dimension; None means all elements in row-major order.
        keepdim: True keeps the dimension, with size 1.

    Shape:
        (..., n, ...) → (..., ...), or (1,).

    Raises:
        IndexingError: There is no such dimension.
        ShapeError: There are no elements along the dimension.

    >>> from mt_autodiff import tensor
    >>> tensor([[3.0, 5.0, 5.0], [2.0, 1.0, 0.0]]).argmax(1)
    tensor([1., 0.])
    """
    _, at, numbers = _extreme(x, dim, "argmax")
    return reduced(positions(x, numbers, "argmax"), _named(at, dim), x.dims, keepdim)


@of_numpy
def argmin(x: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the position of the first minimum; see `argmax`."""
    _, at, numbers = _extreme(x, dim, "argmin")
    return reduced(positions(x, numbers, "argmin"), _named(at, dim), x.dims, keepdim)


@of_numpy
def amax(x: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the maximum along a dimension, or of all elements; the first one has the gradient.

    Shape:
        (..., n, ...) → (..., ...), or (1,).

    Raises:
        IndexingError: There is no such dimension.
        ShapeError: There are no elements along the dimension.
    """
    flat, at, numbers = _extreme(x, dim, "max")
    return reduced(along(flat, numbers, at), _named(at, dim), x.dims, keepdim)


@of_numpy
def amin(x: T, dim: int | None = None, keepdim: bool = False) -> T:
    """Return the minimum along a dimension, or of all elements; see `amax`."""
    flat, at, numbers = _extreme(x, dim, "min")
    return reduced(along(flat, numbers, at), _named(at, dim), x.dims, keepdim)


@overload
def max(x: T, dim: None = None, keepdim: bool = False) -> T: ...


@overload
def max(x: T, dim: int, keepdim: bool = False) -> Extremes[T]: ...


@of_numpy
def max(x: T, dim: int | None = None, keepdim: bool = False) -> T | Extremes[T]:
    """Return the maximum of all elements, or values and positions along a dimension, as PyTorch.

    `amax` returns the values alone. The first maximum has the gradient.

    Args:
        x: The elements.
        dim: The dimension; None means all elements.
        keepdim: True keeps the dimension, with size 1.

    Shape:
        (..., n, ...) → (..., ...) twice; or (1,).

    Raises:
        IndexingError: There is no such dimension.
        ShapeError: There are no elements along the dimension.
        TypeError: The dimension is a tensor: `maximum` compares two tensors.

    >>> from mt_autodiff import tensor
    >>> tensor([[3.0, 5.0, 5.0], [2.0, 1.0, 0.0]]).max(1)
    Extremes(values=tensor([5., 2.]), indices=tensor([1., 0.]))
    """
    if dim is None:
        return amax(x, None, keepdim)
    _, at, numbers = _extreme(x, dim, "max")
    return _with_positions(x, numbers, at, keepdim, "max")


@overload
def min(x: T, dim: None = None, keepdim: bool = False) -> T: ...


@overload
def min(x: T, dim: int, keepdim: bool = False) -> Extremes[T]: ...


@of_numpy
def min(x: T, dim: int | None = None, keepdim: bool = False) -> T | Extremes[T]:
    """Return the minimum of all elements, or values and positions along a dimension; see `max`."""
    if dim is None:
        return amin(x, None, keepdim)
    _, at, numbers = _extreme(x, dim, "min")
    return _with_positions(x, numbers, at, keepdim, "min")


def _with_positions(
    x: T, numbers: npt.NDArray[np.int64], dim: int, keepdim: bool, operation: str
) -> Extremes[T]:
    return Extremes(
        reduced(along(x, numbers, dim), (dim,), x.dims, keepdim),
        reduced(positions(x, numbers, operation), (dim,), x.dims, keepdim),
    )


def _extreme(x: T, dim: int | None, operation: str) -> tuple[T, int, npt.NDArray[np.int64]]:
    """Return the positions of the first maxima or minima along a dimension, or of all elements.

    Returns:
        The tensor, of one dimension if none is named; the dimension; the positions, with size 1
        along it.
    """
    if hasattr(dim, "shape"):
        raise TypeError(f"{operation}: dim is a tensor; maximum(x, y) compares two tensors")
    x, at = (reshape(x, -1), 0) if dim is None else (x, normalize_dim(dim, x.dims, operation))
    if x.shape[at] == 0:
        raise ShapeError(f"{operation}: shape {x.shape} has no elements along dimension {at}")
    find = np.argmin if operation.endswith("min") else np.argmax
    return x, at, np.asarray(find(elements(x, operation), at, keepdims=True), np.int64)


def _named(at: int, dim: int | None) -> tuple[int, ...] | None:
    return None if dim is None else (at,)


# Norms and means of exponentials


@of_numpy
def norm(x: T, p: float = 2.0, dim: Dims = None, keepdim: bool = False) -> T:
    r"""Return the norm of the elements as a vector, $(\sum_i |x_i|^p)^{1/p}$.

    Args:
        x: The elements.
        p: 1, 2, or infinity for the largest absolute value.
        dim: The dimensions, one for infinity; None means all elements.
        keepdim: True keeps the dimensions, with size 1.

    Shape:
        (..., n, ...) → (..., ...), or (1,).

    Raises:
        ValueError: p has another value.
        IndexingError: A dimension does not exist or is named twice.
    """
    if p == 1:
        return abs(x).sum(dim, keepdim)
    if p == math.inf and (dim is None or isinstance(dim, int)):
        return amax(abs(x), dim, keepdim)
    if p != 2:
        raise ValueError(f"norm: p={p!r}, dim={dim!r}; p must be 1, 2 or inf, with inf one dim")
    squares = (x * x).sum(dim, keepdim)
    # At 0 the root has no derivative; as in PyTorch, the gradient there is 0.
    zero = eq(squares.detach(), 0.0)
    return where(zero, 0.0, where(zero, 1.0, squares).sqrt())


@of_numpy
def logsumexp(x: T, dim: int, keepdim: bool = False) -> T:
    r"""Return $\log \sum_i e^{x_i}$ along a dimension, without overflow.

    Shape:
        (..., n, ...) → (..., ...).

    Raises:
        IndexingError: There is no such dimension.
        ShapeError: There are no elements along the dimension.
    """
    largest = amax(x.detach(), dim, keepdim=True)
    shift = where(isfinite(largest), largest, 0.0)
    kept = (x - shift).exp().sum(dim, keepdim=True).ln() + shift
    at = normalize_dim(dim, x.dims, "logsumexp")
    return reduced(kept, (at,), x.dims, keepdim)
