"""Smooth functions beyond those of the course: formula and derivative side by side."""

from mt_autodiff.engine import Function, TensorContext
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


class Erf(Function):
    r"""$z = \mathrm{erf}\, x$, $\partial z / \partial x = 2 e^{-x^2} / \sqrt{\pi}$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.erf, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        return ctx.backend.zip(operators.erf_back, a, grad)


class Gelu(Function):
    r"""$z = x\, \Phi(x)$, $\partial z / \partial x = \Phi(x) + x\, \varphi(x)$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.gelu, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        return ctx.backend.zip(operators.gelu_back, a, grad)


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
