"""Functions of scalars."""

from . import operators
from .autodiff import Context


def wrap_tuple(x):
    return x if isinstance(x, tuple) else (x,)


class ScalarFunction:
    @classmethod
    def _backward(cls, ctx, d_out):
        return wrap_tuple(cls.backward(ctx, d_out))

    @classmethod
    def _forward(cls, ctx, *inps):
        return cls.forward(ctx, *inps)

    @classmethod
    def apply(cls, *vals):
        from .scalar import Scalar, ScalarHistory

        # A plain number becomes a leaf, as the course publishes it, and no constant.
        scalars = [v if isinstance(v, Scalar) else Scalar(v) for v in vals]
        ctx = Context(False)
        c = cls._forward(ctx, *[s.data for s in scalars])
        assert isinstance(c, float), f"Expected return type float got {type(c)}"
        return Scalar(c, ScalarHistory(cls, ctx, scalars))


class Add(ScalarFunction):
    @staticmethod
    def forward(ctx, a, b):
        return a + b

    @staticmethod
    def backward(ctx, d_output):
        return d_output, d_output


class Log(ScalarFunction):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return operators.log(a)

    @staticmethod
    def backward(ctx, d_output):
        (a,) = ctx.saved_values
        return operators.log_back(a, d_output)


class Mul(ScalarFunction):
    @staticmethod
    def forward(ctx, x: float, y: float) -> float:
        """Multiply."""
        ctx.save_for_backward(x, y)
        return operators.mul(x, y)

    @staticmethod
    def backward(ctx, d_output: float) -> tuple[float, float]:
        """Each factor receives the other one."""
        x, y = ctx.saved_values
        return d_output * y, d_output * x


class Inv(ScalarFunction):
    @staticmethod
    def forward(ctx, x: float) -> float:
        """Take the reciprocal."""
        ctx.save_for_backward(x)
        return operators.inv(x)

    @staticmethod
    def backward(ctx, d_output: float) -> float:
        """Multiply by the derivative of the reciprocal."""
        (x,) = ctx.saved_values
        return operators.inv_back(x, d_output)


class Neg(ScalarFunction):
    @staticmethod
    def forward(ctx, x: float) -> float:
        """Change the sign."""
        return operators.neg(x)

    @staticmethod
    def backward(ctx, d_output: float) -> float:
        """Change the sign."""
        return operators.neg(d_output)


class Sigmoid(ScalarFunction):
    @staticmethod
    def forward(ctx, x: float) -> float:
        """Squash into (0, 1)."""
        ctx.save_for_backward(x)
        return operators.sigmoid(x)

    @staticmethod
    def backward(ctx, d_output: float) -> float:
        """Multiply by the slope, computed from the result."""
        (x,) = ctx.saved_values
        s = operators.sigmoid(x)
        return d_output * s * (1.0 - s)


class ReLU(ScalarFunction):
    @staticmethod
    def forward(ctx, x: float) -> float:
        """Cut off what is negative."""
        ctx.save_for_backward(x)
        return float(operators.relu(x))

    @staticmethod
    def backward(ctx, d_output: float) -> float:
        """Let pass where the input was positive."""
        (x,) = ctx.saved_values
        return operators.relu_back(x, d_output)


class Exp(ScalarFunction):
    @staticmethod
    def forward(ctx, x: float) -> float:
        """Take the exponential."""
        ctx.save_for_backward(x)
        return operators.exp(x)

    @staticmethod
    def backward(ctx, d_output: float) -> float:
        """The exponential is its own derivative."""
        (x,) = ctx.saved_values
        return d_output * operators.exp(x)


class LT(ScalarFunction):
    @staticmethod
    def forward(ctx, x: float, y: float) -> float:
        """Compare; 1 stands for true."""
        return float(operators.lt(x, y))

    @staticmethod
    def backward(ctx, d_output: float) -> tuple[float, float]:
        """Comparisons are flat."""
        return 0.0, 0.0


class EQ(ScalarFunction):
    @staticmethod
    def forward(ctx, x: float, y: float) -> float:
        """Compare; 1 stands for true."""
        return float(operators.eq(x, y))

    @staticmethod
    def backward(ctx, d_output: float) -> tuple[float, float]:
        """Comparisons are flat."""
        return 0.0, 0.0
