"""Functions that fold dimensions together. A folded dimension stays, with size 1."""

from mt_autodiff.engine import Function, TensorContext
from mt_tensor import Backend, TensorData, Zip, operators


class Sum(Function):
    r"""$z = \sum_i x_i$, $\partial z / \partial x_i = 1$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dims: tuple[int, ...] | None) -> TensorData:
        return _reduce(ctx.backend, operators.add, a, dims, 0.0)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        # The same gradient reaches every element: the engine expands it.
        return grad


class All(Function):
    r"""$z = \prod_i x_i$: 1 where all elements are 1. It is for truth values: no gradient."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, dims: tuple[int, ...] | None) -> TensorData:
        return _reduce(ctx.backend, operators.mul, a, dims, 1.0)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        return ctx.backend.zeros(grad.shape)


def _reduce(
    backend: Backend, fn: Zip, a: TensorData, dims: tuple[int, ...] | None, start: float
) -> TensorData:
    """Fold the named dimensions one after the other; None folds everything into shape (1,)."""
    if dims is None:
        row = a if a.dims == 1 else backend.contiguous(a).view(a.size)
        return backend.reduce(fn, row, 0, start)
    for dim in dims:
        a = backend.reduce(fn, a, dim, start)
    return a if dims else backend.copy(a)
