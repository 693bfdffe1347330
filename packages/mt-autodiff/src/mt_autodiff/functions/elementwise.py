"""Elementwise functions: formula and derivative side by side."""

from mt_autodiff.engine import Function, TensorContext
from mt_tensor import TensorData, operators


class Neg(Function):
    r"""$z = -x$, $\partial z / \partial x = -1$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        return ctx.backend.map(operators.neg, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        return ctx.backend.map(operators.neg, grad)


class Inv(Function):
    r"""$z = 1 / x$, $\partial z / \partial x = -1 / x^2$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.inv, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        return ctx.backend.zip(operators.inv_back, a, grad)


class Add(Function):
    r"""$z = x + y$, $\partial z / \partial x = \partial z / \partial y = 1$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        return ctx.backend.zip(operators.add, a, b)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> tuple[TensorData, TensorData]:
        return grad, grad


class Mul(Function):
    r"""$z = x y$, $\partial z / \partial x = y$, $\partial z / \partial y = x$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        ctx.save_for_backward(a, b)
        return ctx.backend.zip(operators.mul, a, b)

    @staticmethod
    def backward(
        ctx: TensorContext, grad: TensorData
    ) -> tuple[TensorData | None, TensorData | None]:
        a, b = ctx.saved_values
        need_a, need_b = ctx.needs_grad
        return (
            ctx.backend.zip(operators.mul, b, grad) if need_a else None,
            ctx.backend.zip(operators.mul, a, grad) if need_b else None,
        )


class Div(Function):
    r"""$z = x / y$, $\partial z / \partial x = 1 / y$, $\partial z / \partial y = -x / y^2$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        ctx.save_for_backward(a, b)
        return ctx.backend.zip(operators.div, a, b)

    @staticmethod
    def backward(
        ctx: TensorContext, grad: TensorData
    ) -> tuple[TensorData | None, TensorData | None]:
        (a, b), backend = ctx.saved_values, ctx.backend
        need_a, need_b = ctx.needs_grad
        return (
            backend.zip(operators.div, grad, b) if need_a else None,
            backend.zip(operators.mul, backend.zip(operators.div_back, a, b), grad)
            if need_b
            else None,
        )


class Power(Function):
    r"""$z = x^p$, $\partial z / \partial x = p x^{p-1}$, $\partial z / \partial p = x^p \ln x$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, exponent: TensorData) -> TensorData:
        ctx.save_for_backward(a, exponent)
        return ctx.backend.zip(operators.power, a, exponent)

    @staticmethod
    def backward(
        ctx: TensorContext, grad: TensorData
    ) -> tuple[TensorData | None, TensorData | None]:
        (a, exponent), backend = ctx.saved_values, ctx.backend
        return tuple(  # type: ignore[return-value]
            backend.zip(operators.mul, backend.zip(slope, a, exponent), grad) if needed else None
            for slope, needed in zip(
                (operators.power_back, operators.power_log), ctx.needs_grad, strict=True
            )
        )


class Sigmoid(Function):
    r"""$z = 1 / (1 + e^{-x})$, $\partial z / \partial x = z (1 - z)$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        out = ctx.backend.map(operators.sigmoid, a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (out,) = ctx.saved_values
        return ctx.backend.zip(operators.sigmoid_back, out, grad)


class ReLU(Function):
    r"""$z = \max(x, 0)$, $\partial z / \partial x = 1$ where $x > 0$, else 0."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.relu, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        return ctx.backend.zip(operators.relu_back, a, grad)


class Log(Function):
    r"""$z = \log(x + \epsilon)$, $\partial z / \partial x = 1 / (x + \epsilon)$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.log, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        return ctx.backend.zip(operators.log_back, a, grad)


class Ln(Function):
    r"""$z = \log x$ exactly, $\partial z / \partial x = 1 / x$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        ctx.save_for_backward(a)
        return ctx.backend.map(operators.ln, a)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (a,) = ctx.saved_values
        return ctx.backend.zip(operators.ln_back, a, grad)


class Exp(Function):
    r"""$z = e^x$, $\partial z / \partial x = z$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        out = ctx.backend.map(operators.exp, a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (out,) = ctx.saved_values
        return ctx.backend.zip(operators.mul, out, grad)


class Sqrt(Function):
    r"""$z = \sqrt{x}$, $\partial z / \partial x = 1 / (2 z)$."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        out = ctx.backend.map(operators.sqrt, a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (out,) = ctx.saved_values
        return ctx.backend.zip(operators.sqrt_back, out, grad)


class _Comparison(Function):
    """A function that is piecewise constant: its gradients are zero."""

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> tuple[TensorData, TensorData]:
        zeros = ctx.backend.zeros(grad.shape)
        return zeros, zeros


class LT(_Comparison):
    """$z = 1$ where $x < y$, else 0."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        return ctx.backend.zip(operators.lt, a, b)


class EQ(_Comparison):
    """$z = 1$ where $x = y$, else 0."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        return ctx.backend.zip(operators.eq, a, b)


class IsClose(_Comparison):
    """$z = 1$ where $|x - y|$ is small (`operators.CLOSE`), else 0."""

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData, b: TensorData) -> TensorData:
        return ctx.backend.zip(operators.is_close, a, b)
