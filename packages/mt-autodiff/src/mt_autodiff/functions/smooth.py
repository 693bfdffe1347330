"""Smooth functions beyond those of the course: formula and derivative side by side."""

from mt_autodiff.engine import Function, TensorContext
from mt_autodiff.functions.piecewise import is_zero, select
from mt_tensor import TensorData, operators


class Log1p(Function):
    r"""$z = \log(1 + x)$, $\partial z / \partial x = 1 / (1 + x)$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.log1p, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        shifted = ctx.backend.zip(operators.add, a, ctx.backend.full((), 1.0))
        return ctx.backend.zip(operators.ln_back, shifted, grad)


class Tanh(Function):
    r"""$z = \tanh x$, $\partial z / \partial x = 1 - z^2$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        out = ctx.backend.map(operators.tanh, a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (out,) = ctx.saved_values
        return ctx.backend.zip(operators.tanh_back, out, grad)


class Sin(Function):
    r"""$z = \sin x$, $\partial z / \partial x = \cos x$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.sin, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        return ctx.backend.zip(operators.mul, ctx.backend.map(operators.cos, a), grad)


class Cos(Function):
    r"""$z = \cos x$, $\partial z / \partial x = -\sin x$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.cos, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        sine = ctx.backend.map(operators.sin, a)
        return ctx.backend.map(operators.neg, ctx.backend.zip(operators.mul, sine, grad))


class Power(Function):
    r"""$z = x^y$, $\partial z / \partial x = y x^{y-1}$, $\partial z / \partial y = z \log x$.

    At $y = 0$ the first derivative is 0 for every x; at $x = 0$ the second is 0 for every
    $y \ge 0$, as in PyTorch.
    """

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        out = ctx.backend.zip(operators.power, a, b)
        ctx.save_for_backward(a, b, out)
        return out

    @staticmethod
    def backward(
        ctx: TensorContext, grad: TensorData
    ) -> tuple[TensorData | None, TensorData | None]:
        a, b, out = ctx.saved_values
        backend = ctx.backend
        zero = backend.full((), 0.0)
        grad_a = grad_b = None
        need_a, need_b = ctx.needs_grad
        if need_a:
            one_less = backend.zip(operators.add, b, backend.full((), -1.0))
            slope = backend.zip(operators.mul, b, backend.zip(operators.power, a, one_less))
            slope = select(backend, backend.zip(operators.eq, b, zero), zero, slope)
            grad_a = backend.zip(operators.mul, slope, grad)
        if need_b:
            slope = backend.zip(operators.mul, out, backend.map(operators.ln, a))
            flat = backend.zip(
                operators.mul,
                backend.zip(operators.eq, a, zero),
                is_zero(backend, backend.zip(operators.lt, b, zero)),
            )
            slope = select(backend, flat, zero, slope)
            grad_b = backend.zip(operators.mul, slope, grad)
        return grad_a, grad_b
