"""Curves of all operators, with derivatives by backpropagation.

The second operand of an operator of two numbers is constant, so that each curve is a function of x.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, central_difference, concatenate, functions, tensor
from mt_nn import max
from mt_tensor import operators

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Operator:
    """One formula of `mt_tensor.operators`, and the tensor operation that differentiates it.

    Attributes:
        name: The name of the formula.
        formula: The formula on plain numbers.
        call: The operation on tensors.
        sign: The notation.
        binary: True if it takes a second number.
        lowest: The left end of the curve.
        highest: The right end of the curve.
        remark: A remark, one sentence.
    """

    name: str
    formula: Callable[..., float]
    call: Callable[..., Tensor]
    sign: str
    remark: str
    binary: bool = False
    lowest: float = -4.0
    highest: float = 4.0

    @property
    def source(self) -> str:
        """The code of the formula."""
        return inspect.getsource(self.formula)


def _identity(x: Tensor) -> Tensor:
    result: Tensor = functions.Copy.apply(x)
    return result


def _larger(x: Tensor, y: Tensor) -> Tensor:
    """Return the larger of two numbers, element by element, of one dimension."""
    return max(concatenate([x.view(1, -1), y.view(1, -1)], 0), 0).view(-1)


OPERATORS: tuple[Operator, ...] = (
    Operator("id", operators.id, _identity, "x", "It changes nothing, and its slope is 1."),
    Operator("neg", operators.neg, lambda x: -x, "-x", "It changes the sign of every slope."),
    Operator(
        "inv",
        operators.inv,
        lambda x: 1.0 / x,
        "1 / x",
        "Near 0 the slope has no bound: one step there can make training diverge.",
    ),
    Operator(
        "relu",
        operators.relu,
        lambda x: x.relu(),
        "max(x, 0)",
        "Left of 0 the slope is 0: no gradient flows there. At the kink it is 0 by convention.",
    ),
    Operator(
        "sigmoid",
        operators.sigmoid,
        lambda x: x.sigmoid(),
        "1 / (1 + exp(-x))",
        "The slope is largest in the middle, 1/4, and goes to 0 on both sides.",
        lowest=-8.0,
        highest=8.0,
    ),
    Operator(
        "exp",
        operators.exp,
        lambda x: x.exp(),
        "exp(x)",
        "Value and slope are the same number everywhere.",
        highest=3.0,
    ),
    Operator(
        "log",
        operators.log,
        functions.Log.apply,
        "log(x + 0.000001)",
        "A small number is added, so that the logarithm of 0 is finite.",
        lowest=0.01,
        highest=5.0,
    ),
    Operator(
        "ln",
        operators.ln,
        lambda x: x.ln(),
        "log(x)",
        "The exact logarithm: minus infinity at 0.",
        lowest=0.01,
        highest=5.0,
    ),
    Operator(
        "sqrt",
        operators.sqrt,
        lambda x: x.sqrt(),
        "sqrt(x)",
        "The slope grows towards 0, where it is infinite.",
        lowest=0.01,
        highest=5.0,
    ),
    Operator(
        "log1p",
        operators.log1p,
        lambda x: x.log1p(),
        "log(1 + x)",
        "Near 0 it keeps the digits that the sum 1 + x would lose.",
        lowest=-0.99,
        highest=5.0,
    ),
    Operator(
        "tanh",
        operators.tanh,
        lambda x: x.tanh(),
        "tanh(x)",
        "The slope is 1 at 0 and almost 0 far from it, as that of the sigmoid.",
    ),
    Operator(
        "erf",
        operators.erf,
        lambda x: x.erf(),
        "the error function of x",
        "Its slope is a bell curve. It gives the share of a normal distribution.",
    ),
    Operator(
        "gelu",
        operators.gelu,
        lambda x: x.gelu(),
        "x · the share of a normal distribution below x",
        "A smooth form of relu, with a small dip below 0.",
    ),
    Operator("sin", operators.sin, lambda x: x.sin(), "sin(x)", "The slope is the cosine."),
    Operator("cos", operators.cos, lambda x: x.cos(), "cos(x)", "The slope is minus the sine."),
    Operator(
        "floor",
        operators.floor,
        lambda x: x.floor(),
        "x rounded down",
        "The function is piecewise constant: its gradient is 0.",
    ),
    Operator(
        "add",
        operators.add,
        lambda x, y: x + y,
        "x + y",
        "y moves the line and does not change its slope.",
        True,
    ),
    Operator("mul", operators.mul, lambda x, y: x * y, "x · y", "The slope in x is y.", True),
    Operator("div", operators.div, lambda x, y: x / y, "x / y", "The slope in x is 1 / y.", True),
    Operator(
        "power",
        operators.power,
        lambda x, y: x**y,
        "x to the power of y",
        "The slope in x is y times a power that is smaller by 1.",
        True,
        lowest=0.01,
    ),
    Operator(
        "mod",
        operators.mod,
        lambda x, y: x % y,
        "x mod y",
        "The slope in x is 1, with a jump at every multiple of y.",
        True,
    ),
    Operator(
        "max",
        operators.max,
        _larger,
        "max(x, y)",
        "The larger operand has the gradient 1, the other one 0.",
        True,
    ),
    Operator(
        "lt",
        operators.lt,
        lambda x, y: x < y,
        "1 if x < y else 0",
        "The function is piecewise constant: its gradient is 0.",
        True,
    ),
    Operator(
        "eq",
        operators.eq,
        lambda x, y: x == y,
        "1 if x = y else 0",
        "It is 0 except at a single point, which the curve does not show.",
        True,
    ),
    Operator(
        "is_close",
        operators.is_close,
        lambda x, y: x.is_close(y),
        "1 if |x - y| < 0.01 else 0",
        "It is 1 within the tolerance on both sides of y.",
        True,
    ),
)
"""Every operator once, those of one number first."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """An operator over an interval.

    Attributes:
        xs: The points, (n,).
        values: The values, (n,); NaN where the formula has none.
        slopes: The derivatives by backpropagation, (n,).
    """

    xs: Array
    values: Array
    slopes: Array


def curve(of: Operator, y: float = 1.0, points: int = 241) -> Curve:
    """Compute an operator and its derivative over its interval."""
    xs = np.linspace(of.lowest, of.highest, points)
    values, slopes = _differentiated(of, xs, y)
    return Curve(xs, values, slopes)


@dataclass(frozen=True, slots=True)
class Tangent:
    """An operator at one point.

    Attributes:
        x: The point.
        value: The value of the formula on plain numbers.
        slope: The derivative by backpropagation.
        quotient: The derivative by central difference.
    """

    x: float
    value: float
    slope: float
    quotient: float

    def at(self, x: float) -> float:
        """Return the value of the tangent at x."""
        return self.value + self.slope * (x - self.x)


def tangent(of: Operator, x: float, y: float = 1.0, epsilon: float = 1e-6) -> Tangent:
    """Differentiate at one point, by backpropagation and by the central difference.

    The results are NaN where the formula has no value, such as at a pole.
    """
    others = (y,) if of.binary else ()
    _, slopes = _differentiated(of, np.array([x]), y)
    try:
        value = of.formula(x, *others)
        quotient = central_difference(of.formula, x, *others, epsilon=epsilon)
    except ZeroDivisionError:
        value = quotient = math.nan
    return Tangent(x, value, float(slopes[0]), quotient)


def _differentiated(of: Operator, xs: Array, y: float) -> tuple[Array, Array]:
    x = tensor(xs, requires_grad=True)
    others = (tensor(np.full(xs.shape, y)),) if of.binary else ()
    # A pole gives infinities, which become gaps in the picture.
    with np.errstate(all="ignore"):
        out = of.call(x, *others)
        if out.is_constant():
            return out.to_numpy(), np.zeros_like(xs)
        out.sum().backward()
    assert x.grad is not None
    return out.to_numpy(), x.grad.to_numpy()
