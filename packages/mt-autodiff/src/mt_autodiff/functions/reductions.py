"""Functions that reduce dimensions. A reduced dimension stays, with size 1."""

from mt_autodiff.engine import Function, TensorContext
from mt_tensor import Backend, TensorData, Zip, operators


class Sum(Function):
    r"""$z = \sum_i x_i$, $\partial z / \partial x_i = 1$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dims: tuple[int, ...] | None) -> TensorData:
        return _reduce(ctx.backend, operators.add, a, dims, 0.0)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        # Every element has the same gradient: the engine expands it.
        return grad


class All(Function):
    r"""$z = \prod_i x_i$: 1 if all elements are 1. Its operands are truth values: no gradient."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dims: tuple[int, ...] | None) -> TensorData:
        return _reduce(ctx.backend, operators.mul, a, dims, 1.0)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        return ctx.backend.zeros(grad.shape)


def _reduce(
    backend: Backend, fn: Zip, a: TensorData, dims: tuple[int, ...] | None, start: float
) -> TensorData:
    """Reduce the dimensions one after the other; None reduces all elements to shape (1,)."""
    if dims is None:
        row = a if a.dims == 1 else backend.contiguous(a).view(a.size)
        return backend.reduce(fn, row, 0, start)
    for dim in dims:
        a = backend.reduce(fn, a, dim, start)
    return a if dims else backend.copy(a)
