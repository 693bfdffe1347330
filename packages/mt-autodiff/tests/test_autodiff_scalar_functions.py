"""The functions of scalars: their values and their derivatives."""

import math
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mt_autodiff.derivatives import central_difference
from mt_autodiff.graph import Context
from mt_autodiff.scalar import Scalar
from mt_autodiff.scalar_engine import ScalarFunction
from mt_autodiff.scalar_functions import (
    EQ,
    LT,
    Add,
    Div,
    Exp,
    Inv,
    Log,
    Mul,
    Neg,
    ReLU,
    Sigmoid,
)
from mt_tensor import operators

small = st.floats(-10.0, 10.0)

positive = st.floats(0.1, 10.0)

# Derivatives

FUNCTIONS: list[Callable[..., Scalar]] = [
    lambda x, y: x + y,
    lambda x, y: x - 3.0 * y,
    lambda x, y: x * y,
    lambda x, y: x / y,
    lambda x, y: 2.0 / x - y,
    lambda x, y: (-x).exp() + y,
    lambda x, y: (x * y).log(),
    lambda x, y: (x - y).sigmoid() * y,
    lambda x, y: (x * x + 5.0).relu() * (y * y) * x,
    lambda x, y: (x < y) * x + (x == y) * y,
    lambda x, y: sum([x, y, x], start=Scalar(0.0, back=None)),
]


@pytest.mark.parametrize("f", FUNCTIONS)
@given(x=positive, y=positive)
def test_derivatives_match_differences(f: Callable[..., Scalar], x: float, y: float) -> None:
    assume(abs(x - y) > 1e-3)  # Comparisons have no derivative where they change.
    leaves = Scalar(x), Scalar(y)
    f(*leaves).backward()
    for arg, leaf in enumerate(leaves):
        expected = central_difference(lambda *v: f(*map(Scalar, v)).data, x, y, arg=arg)
        assert (leaf.derivative or 0.0) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("x", [-800.0, -40.0, 40.0, 800.0])
def test_tails_of_sigmoid(x: float) -> None:
    leaf = Scalar(x)
    leaf.sigmoid().backward()
    expected = math.exp(-abs(x)) if x < 0 else 0.0
    assert leaf.derivative == pytest.approx(expected, rel=1e-12)


def test_derivative_of_relu_at_zero_is_zero() -> None:
    x = Scalar(0.0)
    x.relu().backward()
    assert x.derivative == 0.0


@pytest.mark.parametrize(
    ("fn", "formula", "arity"),
    [
        (Add, operators.add, 2),
        (Mul, operators.mul, 2),
        (Div, operators.div, 2),
        (LT, operators.lt, 2),
        (EQ, operators.eq, 2),
        (Neg, operators.neg, 1),
        (Inv, operators.inv, 1),
        (Log, operators.log, 1),
        (Exp, operators.exp, 1),
        (Sigmoid, operators.sigmoid, 1),
        (ReLU, operators.relu, 1),
    ],
)
@given(x=positive, y=positive)
def test_functions_compute_their_operators(
    fn: type[ScalarFunction], formula: Callable[..., float], arity: int, x: float, y: float
) -> None:
    args = (x, y)[:arity]
    assert fn.apply(*args).data == fn.forward(Context(), *args) == formula(*args)
