"""Functions of positions, computed by NumPy on the host: a backend has no loop for them.

On a GPU the elements are copied to the host and back, with an `ImplicitCopyWarning`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mt_autodiff.engine import Function, TensorContext, warn_of_copy
from mt_autodiff.functions.rearrangement import Rearrangement
from mt_tensor import REFERENCE, Backend, TensorData, operators


class Index(Rearrangement):
    """The elements at an index that contains arrays, a copy; the gradient is added up there."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, key: Any) -> TensorData:
        ctx.save_for_backward(a.shape, key)
        return ctx.backend.from_numpy(on_host(ctx.backend, a, "index")[key])

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        shape, key = ctx.saved_values
        # Sums of doubles: an element may be selected many times.
        total = np.zeros(shape)
        np.add.at(total, key, ctx.backend.to_numpy(grad))
        return ctx.backend.from_numpy(total.astype(ctx.backend.dtype, copy=False))


class CumulativeSum(Function):
    r"""$z_i = \sum_{j \le i} x_j$ along a dimension, $\bar x_j = \sum_{i \ge j} \bar z_i$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dim: int) -> TensorData:
        ctx.save_for_backward(dim)
        return _sums(ctx.backend, on_host(ctx.backend, a, "cumsum"), dim)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (dim,) = ctx.saved_values
        turned = np.flip(ctx.backend.to_numpy(grad), dim)
        return ctx.backend.from_numpy(
            np.flip(ctx.backend.to_numpy(_sums(ctx.backend, turned, dim)), dim).copy()
        )


def _sums(backend: Backend, array: npt.NDArray[Any], dim: int) -> TensorData:
    """Return cumulative sums, added up as doubles."""
    sums = np.cumsum(array, dim, np.float64)
    return backend.from_numpy(sums.astype(backend.dtype, copy=False))


class Product(Function):
    r"""$z = \prod_i x_i$ along a dimension, $\partial z / \partial x_i = \prod_{j \ne i} x_j$.

    The other factors are multiplied, not $z$ divided by $x_i$, which may be 0.
    """

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dim: int) -> TensorData:
        ctx.save_for_backward(a, dim)
        return ctx.backend.reduce(operators.mul, a, dim, 1.0)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        a, dim = ctx.saved_values
        factors = np.moveaxis(on_host(ctx.backend, a, "prod"), dim, -1).astype(np.float64)
        ones = np.ones_like(factors[..., :1])
        before = np.cumprod(np.concatenate([ones, factors[..., :-1]], -1), -1)
        after = np.cumprod(np.concatenate([ones, factors[..., :0:-1]], -1), -1)[..., ::-1]
        others = np.moveaxis(before * after, -1, dim)
        slope = ctx.backend.from_numpy(others.astype(ctx.backend.dtype))
        return ctx.backend.zip(operators.mul, slope, grad)


def on_host(backend: Backend, a: TensorData, operation: str) -> npt.NDArray[Any]:
    """Return the elements as an array, and warn if that is a copy from a GPU."""
    if backend.memory != "host":
        warn_of_copy(operation, backend, REFERENCE)
    return backend.to_numpy(a)
