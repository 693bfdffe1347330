"""The maximum of which every one of several equal elements receives the gradient."""

from typing import Any

import numpy as np

from mt_autodiff import Function, Tensor, TensorContext
from mt_tensor import TensorData, operators


class Max(Function):
    """The largest element along a dimension."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dim: int) -> TensorData:
        """Fold one dimension."""
        out = ctx.backend.reduce(operators.max, a, dim, -1e9)
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        """Hand the gradient to all that equal the maximum."""
        a, out = ctx.saved_values
        hits = ctx.backend.zip(operators.eq, a, out)
        return ctx.backend.zip(operators.mul, hits, grad)


def max(input: Tensor, dim: Any = None) -> Tensor:
    """Return the largest elements along a dimension, or of all."""
    if dim is None:
        flat = input.contiguous().view(input.size)
        return Max.apply(flat, 0)  # type: ignore[no-any-return]
    return Max.apply(input, dim % input.dims)  # type: ignore[no-any-return]


def argmax(input: Tensor, dim: int) -> Tensor:
    """Return 1 where an element equals the maximum."""
    data = input.detach()
    top = data.backend.reduce(operators.max, data.data, dim % data.dims, -np.inf)
    return data._constant(data.backend.zip(operators.eq, data.data, top))  # type: ignore[no-any-return]
