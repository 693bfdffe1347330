"""Scalars: values compared with floats, derivatives with finite differences."""

import gc
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff.graph import Context, backpropagate, topological_sort
from mt_autodiff.scalar import Scalar
from mt_autodiff.scalar_engine import ScalarFunction, ScalarHistory
from mt_autodiff.scalar_functions import (
    Add,
)
from mt_tensor import operators

small = st.floats(-10.0, 10.0)
positive = st.floats(0.1, 10.0)

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]
UNARY: list[tuple[Callable[[Scalar], Scalar], Callable[[float], float]]] = [
    (operator.neg, operator.neg),
    (Scalar.exp, math.exp),
    (Scalar.log, operators.log),
    (Scalar.sigmoid, lambda x: 1.0 / (1.0 + math.exp(-x))),
    (Scalar.relu, lambda x: max(x, 0.0)),
]


# Values


@pytest.mark.parametrize("op", BINARY)
@given(x=small, y=positive)
def test_arithmetic_is_that_of_floats(op: Callable[..., Any], x: float, y: float) -> None:
    expected = pytest.approx(op(x, y))
    for result in (op(Scalar(x), Scalar(y)), op(Scalar(x), y), op(x, Scalar(y))):
        assert isinstance(result, Scalar)
        assert result.data == expected


@pytest.mark.parametrize(("of_scalar", "of_float"), UNARY)
@given(x=positive)
def test_functions_are_those_of_floats(
    of_scalar: Callable[[Scalar], Scalar], of_float: Callable[[float], float], x: float
) -> None:
    assert of_scalar(Scalar(x)).data == pytest.approx(of_float(x))


@given(small, small)
def test_comparisons_give_scalars(x: float, y: float) -> None:
    for op in (operator.lt, operator.gt, operator.eq):
        for result in (op(Scalar(x), Scalar(y)), op(Scalar(x), y), op(x, Scalar(y))):
            assert isinstance(result, Scalar)
            assert result.data == float(op(x, y))
            assert bool(result) == op(x, y)
    assert (Scalar(x) != Scalar(y)) == (x != y)


@pytest.mark.parametrize("number", [2, True, np.float32(2.0), np.float64(2.0), np.int8(2)])
@pytest.mark.parametrize("op", [*BINARY, operator.lt, operator.gt, operator.eq])
def test_numbers_of_all_types(op: Callable[..., Any], number: Any) -> None:
    left, right = op(number, Scalar(4.0)), op(Scalar(4.0), number)
    assert isinstance(left, Scalar)
    assert isinstance(right, Scalar)
    assert type(left.data) is type(right.data) is float
    assert (left.data, right.data) == (op(float(number), 4.0), op(4.0, float(number)))


def test_a_scalar_equals_only_numbers() -> None:
    x = Scalar(1.0)
    assert x.__eq__("1.0") is NotImplemented
    assert x in ["1.0", None, x]


def test_nan_and_infinity() -> None:
    nan = Scalar(math.nan)
    results = [nan + 1.0, 2.0 * nan, nan.exp(), nan.log(), nan.sigmoid(), nan.relu(), -nan]
    assert all(math.isnan(result.data) for result in results)
    assert [(nan == x).data for x in (nan, 1.0)] == [0.0, 0.0]
    assert [(nan < 1.0).data, (nan > 1.0).data] == [0.0, 0.0]
    assert Scalar(1e4).exp().data == math.inf
    assert (Scalar(-1e4).sigmoid().data, Scalar(1e4).sigmoid().data) == (0.0, 1.0)


def test_division_by_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        1.0 / Scalar(0.0)


def test_derivatives_accumulate() -> None:
    x = Scalar(3.0)
    y = x * x + x
    y.backward()
    y.backward(2.0)
    assert x.derivative == 7.0 + 14.0


def test_nan_reaches_the_leaves() -> None:
    x = Scalar(2.0)
    (x * math.nan).backward()
    assert x.derivative is not None
    assert math.isnan(x.derivative)


def test_backward_of_a_leaf_and_of_a_constant() -> None:
    leaf = Scalar(1.0)
    leaf.backward()
    assert leaf.derivative == 1.0
    with pytest.raises(RuntimeError, match=r"Scalar\(1.0\) is a constant"):
        Scalar(1.0, back=None).backward()


# Graphs


def test_depth() -> None:
    x = Scalar(1.0)
    y = x
    for _ in range(100_000):
        y = y + x
    y.backward()
    assert x.derivative == 100_001.0
    assert len(topological_sort(y)) == 100_001
    # A graph this deep must also be freed without recursion.
    del y
    gc.collect()


def test_shared_subexpressions() -> None:
    x = Scalar(1.0)
    y = x
    for _ in range(30):
        y = y + y
    y.backward()
    assert x.derivative == 2.0**30


def test_every_function_is_differentiated_once() -> None:
    calls = 0

    class Counted(ScalarFunction):
        @staticmethod
        def forward(ctx: Context, x: float) -> float:
            return x

        @staticmethod
        def backward(ctx: Context, d_output: float) -> float:
            nonlocal calls
            calls += 1
            return d_output

    x = Scalar(1.0)
    y = Counted.apply(x)
    backpropagate(y * y + y, 1.0)
    assert (x.derivative, calls) == (3.0, 1)


# Functions


class Line(ScalarFunction):
    """The function x y + x, defined as a user does."""

    @staticmethod
    def forward(ctx: Context, x: float, y: float) -> float:
        ctx.save_for_backward(x, y)
        return x * y + x

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        x, y = ctx.saved_values
        return d_output * (y + 1), d_output * x


@given(small, small, small)
def test_chain_rule(x: float, y: float, d: float) -> None:
    inputs = Scalar(x), Scalar(y)
    pairs = list(Line.apply(*inputs).chain_rule(d))
    assert [variable for variable, _ in pairs] == list(inputs)
    assert [derivative for _, derivative in pairs] == [d * (y + 1), d * x]


def test_chain_rule_includes_constants() -> None:
    y = Scalar(5)
    (constant, _), (variable, derivative) = Line.apply(10, y).chain_rule(d_output=5)
    assert constant.is_constant()
    assert variable is y
    assert derivative == 50


def test_chain_rule_follows_a_history_made_by_hand() -> None:
    x = Scalar(0.0)
    y = Scalar(0.0, ScalarHistory(Add, ctx=Context(), inputs=[x, x]))
    assert [d for _, d in y.chain_rule(5)] == [5, 5]


def test_chain_rule_needs_a_function() -> None:
    for x in (Scalar(1.0), Scalar(1.0, back=None)):
        with pytest.raises(RuntimeError, match="not the result of a function"):
            x.chain_rule(1.0)


def test_backward_must_return_one_derivative_per_input() -> None:
    class Short(ScalarFunction):
        @staticmethod
        def forward(ctx: Context, x: float, y: float) -> float:
            return x + y

        @staticmethod
        def backward(ctx: Context, d_output: float) -> float:
            return d_output

    with pytest.raises(TypeError, match=r"Short.backward returned 1 derivatives.* 2 inputs"):
        Short.apply(Scalar(1.0), 2.0).backward()
