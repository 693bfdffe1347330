"""The largest element along a dimension, where it stands, and where its gradient goes.

Among equal elements the first in row-major order is the largest, and NaN is larger than every
number, as in NumPy: exactly one element of each slice is its maximum.
"""

from collections.abc import Iterable

import numpy as np

from mt_autodiff import Function, Tensor, TensorContext
from mt_tensor import Backend, ShapeError, TensorData, operators
from mt_tensor.layout import normalize_dim, normalize_dims


class Max(Function):
    r"""$z = \max_i x_i$; $\partial z / \partial x_i = 1$ for the first maximum, 0 for the rest.

    The maximum of nothing is $-\infty$.

    Shape:
        (..., n, ...) → (..., 1, ...).
    """

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dim: int) -> TensorData:
        """Fold one dimension."""
        dim = normalize_dim(dim, a.dims, "max")
        if any(ctx.needs_grad):
            _check_countable("max", ctx.backend, a.shape[dim])
        out = ctx.backend.reduce(operators.max, a, dim, -np.inf)
        ctx.save_for_backward(a, out, dim)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        """Hand the gradient to the first maximum."""
        a, out, dim = ctx.saved_values
        first = _first_maximum(ctx.backend, a, out, dim)
        # A selection. A product would make NaN of an infinite gradient wherever `first` is 0.
        return ctx.backend.zip(operators.relu_back, first, grad)


class _ArgMax(Function):
    """1 at the first maximum, else 0. It is applied to constants, so it has no gradient."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dim: int) -> TensorData:
        """Mark one element of each slice along a dimension."""
        _check_countable("argmax", ctx.backend, a.shape[dim])
        out = ctx.backend.reduce(operators.max, a, dim, -np.inf)
        return _first_maximum(ctx.backend, a, out, dim)


def max(input: Tensor, dim: int | Iterable[int] | None = None) -> Tensor:
    r"""Return the largest elements, along the named dimensions or of all.

    The gradient goes to the first maximum in row-major order and to no other element. NaN passes
    through, and then the first NaN receives the gradient. The maximum of nothing is $-\infty$.

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
    # The last dimension first: the row of the first maximum is found after its place in the row.
    for d in sorted(dims, reverse=True):
        result = Max.apply(result, d)
    return result.view(1) if dim is None else result


def argmax(input: Tensor, dim: int) -> Tensor:
    """Return which elements are the largest along a dimension, one-hot: a constant.

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
        backend: What computes.
        a: The elements.
        top: Their maxima.
        dim: The dimension, counted from the left.

    Shape:
        (..., n, ...), (..., 1, ...) → (..., n, ...).
    """
    size = a.shape[dim]
    # NaN equals neither the maximum nor itself: the two comparisons agree on maxima and on NaN.
    is_top = backend.zip(operators.eq, a, top)
    is_number = backend.zip(operators.eq, a, a)
    hits = backend.zip(operators.eq, is_top, is_number)
    # Ranks fall from n to 1, so that the first hit has the highest and no hit has rank 0.
    falling = np.arange(size, 0, -1, dtype=backend.dtype)
    ranks = backend.from_numpy(falling.reshape(size, *(1,) * (a.dims - dim - 1)))
    ranked = backend.zip(operators.mul, hits, ranks)
    highest = backend.reduce(operators.max, ranked, dim, 0.0)
    return backend.zip(operators.eq, ranks, highest)


def _check_countable(operation: str, backend: Backend, size: int) -> None:
    """Raise ShapeError if a dimension is too long for its elements to be numbered exactly."""
    limit = 2 ** (np.finfo(backend.dtype).nmant + 1)
    if size > limit:
        raise ShapeError(
            f"{operation}: {size} elements along one dimension, and {backend.dtype} counts "
            f"exactly to {limit}, which finding the first maximum needs; view them as two "
            "dimensions, or use a backend of float64"
        )
