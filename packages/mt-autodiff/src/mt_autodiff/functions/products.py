"""Functions that sum products: matrix multiplication and convolution."""

from typing import ClassVar

from mt_autodiff.engine import Function, TensorContext
from mt_tensor import TensorData
from mt_tensor.backend import check_convolution


class MatMul(Function):
    r"""$Z = X Y$, $\bar X = \bar Z Y^T$, $\bar Y = X^T \bar Z$; batch dimensions broadcast.

    Shape:
        (..., m, k), (..., k, n) → (..., m, n).
    """

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        ctx.save_for_backward(a, b)
        return ctx.backend.matmul(a, b)

    @staticmethod
    def backward(
        ctx: TensorContext, grad: TensorData
    ) -> tuple[TensorData | None, TensorData | None]:
        a, b = ctx.saved_values
        need_a, need_b = ctx.needs_grad
        return (
            ctx.backend.matmul(grad, _transpose(b)) if need_a else None,
            ctx.backend.matmul(_transpose(a), grad) if need_b else None,
        )


def _transpose(a: TensorData) -> TensorData:
    """Return the transposed matrices, a view."""
    return a.permute(*range(a.dims - 2), a.dims - 1, a.dims - 2)


class Convolution(Function):
    r"""Convolution of an input with kernels, for any number of spatial dimensions.

    With $z_{n,o,p} = \sum_{c,k} x_{n,c,p+k} w_{o,c,k}$ the gradients are correlations, too.
    $\bar x_{n,c,q} = \sum_{o,k} \bar z_{n,o,q-k} w_{o,c,k}$ is anchored at the other end of the
    kernel. In $\bar w_{o,c,k} = \sum_{n,p} \bar z_{n,o,p} x_{n,c,p+k}$ the gradient is the kernel,
    batch and channels are swapped, and the output has the kernel's size.

    Attributes:
        spatial: The number of spatial dimensions.

    Shape:
        (N, C, *spatial), (O, C, *kernel) → (N, O, *size), by default size = spatial.
    """

    spatial: ClassVar[int]

    @classmethod
    def forward(
        cls,
        ctx: TensorContext,
        input: TensorData,
        weight: TensorData,
        reverse: bool = False,
        size: tuple[int, ...] | None = None,
    ) -> TensorData:
        check_convolution(cls.spatial, input.shape, weight.shape)
        ctx.save_for_backward(input, weight, reverse)
        return ctx.backend.convolve(input, weight, reverse, size)

    @staticmethod
    def backward(
        ctx: TensorContext, grad: TensorData
    ) -> tuple[TensorData | None, TensorData | None]:
        x, w, reverse = ctx.saved_values
        need_x, need_w = ctx.needs_grad
        swap = (1, 0, *range(2, x.dims))
        grad_x = grad_w = None
        if need_x:
            grad_x = ctx.backend.convolve(grad, w.permute(*swap), not reverse, x.shape[2:])
        if need_w:
            g_t, x_t = grad.permute(*swap), x.permute(*swap)
            # The kernel of a correlation is read at p + k: it is x for the forward direction and
            # z for the reversed one.
            if reverse:
                grad_w = ctx.backend.convolve(g_t, x_t, False, w.shape[2:])
            else:
                grad_w = ctx.backend.convolve(x_t, g_t, False, w.shape[2:]).permute(*swap)
        return grad_x, grad_w


class Conv1dFun(Convolution):
    """Convolution of sequences: (N, C, W), (O, C, K) → (N, O, size)."""

    spatial = 1


class Conv2dFun(Convolution):
    """Convolution of images: (N, C, H, W), (O, C, KH, KW) → (N, O, *size)."""

    spatial = 2
