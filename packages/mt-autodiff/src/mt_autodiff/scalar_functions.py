"""The functions of Scalars, each with its derivative.

A function is a class; users define their own in the same way. `forward` computes with plain
floats, `backward` multiplies the derivatives of the function by the upstream derivative, and the
arithmetic of `Scalar` calls `apply`.
"""

from mt_autodiff.graph import Context
from mt_autodiff.scalar_engine import ScalarFunction
from mt_tensor import operators


class Add(ScalarFunction):
    """Add: $f(x, y) = x + y$."""

    @staticmethod
    def forward(ctx: Context, x: float, y: float) -> float:
        """Return $x + y$."""
        return operators.add(x, y)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        """Return $d$ and $d$."""
        return d_output, d_output


class Mul(ScalarFunction):
    """Multiply: $f(x, y) = x y$."""

    @staticmethod
    def forward(ctx: Context, x: float, y: float) -> float:
        """Return $x y$."""
        ctx.save_for_backward(x, y)
        return operators.mul(x, y)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        """Return $d y$ and $d x$."""
        x, y = ctx.saved_values
        return operators.mul(d_output, y), operators.mul(d_output, x)


class Neg(ScalarFunction):
    """Negate: $f(x) = -x$."""

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        """Return $-x$."""
        return operators.neg(x)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """Return $-d$."""
        return operators.neg(d_output)


class Inv(ScalarFunction):
    r"""Take the reciprocal: $f(x) = \frac{1}{x}$."""

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        r"""Return $\frac{1}{x}$."""
        ctx.save_for_backward(x)
        return operators.inv(x)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        r"""Return $-\frac{d}{x^2}$."""
        (x,) = ctx.saved_values
        return operators.inv_back(x, d_output)


class Div(ScalarFunction):
    r"""Divide: $f(x, y) = \frac{x}{y}$, rounded once."""

    @staticmethod
    def forward(ctx: Context, x: float, y: float) -> float:
        r"""Return $\frac{x}{y}$."""
        ctx.save_for_backward(x, y)
        return operators.div(x, y)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        r"""Return $\frac{d}{y}$ and $-d \frac{x}{y^2}$."""
        x, y = ctx.saved_values
        return operators.div(d_output, y), operators.mul(d_output, operators.div_back(x, y))


class Log(ScalarFunction):
    r"""Take the logarithm: $f(x) = \log(x + \epsilon)$, as `operators.log` does."""

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        r"""Return $\log(x + \epsilon)$."""
        ctx.save_for_backward(x)
        return operators.log(x)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        r"""Return $\frac{d}{x + \epsilon}$."""
        (x,) = ctx.saved_values
        return operators.log_back(x, d_output)


class Exp(ScalarFunction):
    """Exponentiate: $f(x) = e^x$."""

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        """Return $e^x$, and save it: it is also the derivative."""
        result = operators.exp(x)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """Return $d e^x$."""
        (result,) = ctx.saved_values
        return operators.mul(d_output, result)


class Sigmoid(ScalarFunction):
    r"""Apply the logistic function: $f(x) = \sigma(x) = \frac{1}{1 + e^{-x}}$."""

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        r"""Return $\sigma(x)$, and save it: the derivative is a function of it."""
        result = operators.sigmoid(x)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        r"""Return $d\, \sigma(x) (1 - \sigma(x))$."""
        (result,) = ctx.saved_values
        return operators.sigmoid_back(result, d_output)


class ReLU(ScalarFunction):
    r"""Apply the rectified linear unit: $f(x) = \max(x, 0)$."""

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        r"""Return $\max(x, 0)$."""
        ctx.save_for_backward(x)
        return operators.relu(x)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """Return $d$ where $x > 0$, else 0."""
        (x,) = ctx.saved_values
        return operators.relu_back(x, d_output)


class LT(ScalarFunction):
    """Compare: 1 where $x < y$, else 0. It is piecewise constant: the derivative is zero."""

    @staticmethod
    def forward(ctx: Context, x: float, y: float) -> float:
        """Return 1.0 if $x < y$, else 0.0."""
        return operators.lt(x, y)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        """Return 0 and 0."""
        return 0.0, 0.0


class EQ(ScalarFunction):
    """Compare: 1 where $x = y$, else 0. It is piecewise constant: the derivative is zero."""

    @staticmethod
    def forward(ctx: Context, x: float, y: float) -> float:
        """Return 1.0 if $x = y$, else 0.0."""
        return operators.eq(x, y)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        """Return 0 and 0."""
        return 0.0, 0.0
