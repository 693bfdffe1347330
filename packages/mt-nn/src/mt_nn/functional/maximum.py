"""The maximum along a dimension, its position, and its gradient.

Among equal elements the first in row-major order is the maximum, and NaN is larger than every
number, as in NumPy: exactly one element of each slice is its maximum.
"""

from collections.abc import Iterable

import numpy as np

from mt_autodiff import Function, Tensor, TensorContext
from mt_tensor import Backend, ShapeError, TensorData, operators
from mt_tensor.layout import normalize_dim, normalize_dims


class Max(Function):
    r"""$z = \max_i x_i$; $\partial z / \partial x_i = 1$ for the first maximum, 0 for the rest.

    The maximum of no elements is $-\infty$.

    Shape:
        (..., n, ...) → (..., 1, ...).
    """

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dim: int) -> TensorData:
        """Return the maximum along one dimension."""
        dim = normalize_dim(dim, a.dims, "max")
        if any(ctx.needs_grad):
            _check_countable("max", ctx.backend, a.shape[dim])
        out = ctx.backend.reduce(operators.max, a, dim, -np.inf)
        ctx.save_for_backward(a, out, dim)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        """Return the gradient: that of the result at the first maximum, 0 elsewhere."""
        a, out, dim = ctx.saved_values
        first = _first_maximum(ctx.backend, a, out, dim)
        # relu_back selects. A product would turn an infinite gradient into NaN where `first` is 0.
        return ctx.backend.zip(operators.relu_back, first, grad)


class _ArgMax(Function):
    """1 at the first maximum, else 0. Its operands are constants, so it has no gradient."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dim: int) -> TensorData:
        """Return 1 at the first maximum of each slice along a dimension, 0 elsewhere."""
        _check_countable("argmax", ctx.backend, a.shape[dim])
        out = ctx.backend.reduce(operators.max, a, dim, -np.inf)
        return _first_maximum(ctx.backend, a, out, dim)


def max(input: Tensor, dim: int | Iterable[int] | None = None) -> Tensor:
    r"""Return the maximum along some dimensions, or of all elements.

    The gradient is 1 at the first maximum in row-major order and 0 elsewhere. The maximum of
    elements with NaN is NaN; the first NaN then has the gradient 1. The maximum of no elements is
    $-\infty$.

    Args:
        input: The elements.
        dim: One dimension or several; negative ones count from the right. None means all.

    Shape:
        (..., n, ...) → (..., 1, ...), or (1,).

    Raises:
        IndexingError: A dimension does not exist or is named twice.

    >>> from mt_autodiff import tensor
    >>> x = tensor([[3.0, 5.0, 5.0], [2.0, 1.0, 0.0]], requires_grad=True)
    >>> max(x, 1).to_numpy().tolist()
    [[5.0], [2.0]]
    >>> max(x).backward()
    >>> x.grad
    tensor([[0., 1., 0.],
            [0., 0., 0.]])
    """
    dims = normalize_dims(dim, input.dims, "max")
    result = input
    # The last dimension first, so that the first maximum in row-major order is selected.
    for d in sorted(dims, reverse=True):
        result = Max.apply(result, d)
    return result.view(1) if dim is None else result


def argmax(input: Tensor, dim: int) -> Tensor:
    """Return the one-hot position of the maximum along a dimension, a constant.

    Args:
        input: The elements.
        dim: The dimension; negative ones count from the right.

    Shape:
        (..., n, ...) → (..., n, ...): a single 1 along the dimension, at the first maximum
        (the first NaN, if there is one), and 0 elsewhere.

    Raises:
        IndexingError: There is no such dimension.

    >>> from mt_autodiff import tensor
    >>> argmax(tensor([[3.0, 5.0, 5.0], [2.0, 1.0, 0.0]]), dim=1)
    tensor([[0., 1., 0.],
            [1., 0., 0.]])
    """
    one_hot: Tensor = _ArgMax.apply(input.detach(), normalize_dim(dim, input.dims, "argmax"))
    return one_hot


def _first_maximum(backend: Backend, a: TensorData, top: TensorData, dim: int) -> TensorData:
    """Return 1 at the first element along a dimension that equals the maximum, else 0.

    Args:
        backend: The backend of the elements.
        a: The elements.
        top: Their maxima along the dimension.
        dim: The dimension, counted from the left.

    Shape:
        (..., n, ...), (..., 1, ...) → (..., n, ...).
    """
    size = a.shape[dim]
    # NaN equals neither the maximum nor itself: the two comparisons are equal at maxima and at NaN.
    is_top = backend.zip(operators.eq, a, top)
    is_number = backend.zip(operators.eq, a, a)
    hits = backend.zip(operators.eq, is_top, is_number)
    # Ranks descend from n to 1, so that the first hit has the highest rank, and 0 means no hit.
    descending = np.arange(size, 0, -1, dtype=backend.dtype)
    ranks = backend.from_numpy(descending.reshape(size, *(1,) * (a.dims - dim - 1)))
    ranked = backend.zip(operators.mul, hits, ranks)
    highest = backend.reduce(operators.max, ranked, dim, 0.0)
    return backend.zip(operators.eq, ranks, highest)


def _check_countable(operation: str, backend: Backend, size: int) -> None:
    """Raise ShapeError if the dtype cannot represent all ranks of a dimension exactly."""
    limit = 2 ** (np.finfo(backend.dtype).nmant + 1)
    if size > limit:
        raise ShapeError(
            f"{operation}: {size} elements along one dimension, and the search for the first "
            f"maximum needs integers, which {backend.dtype} represents exactly up to {limit}; "
            "view the dimension as two, or use a backend of float64"
        )
