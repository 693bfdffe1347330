"""Scalars and their functions, under the course's names."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch
from minitorch import Scalar

numbers = st.floats(-100.0, 100.0)

ONE, TWO, _ = minitorch.MathTestVariable._comp_testing()

KINKS = {"inv": -3.5, "relu": -5.5, "complex": -0.7}
"""The points at which functions of the test cases have no derivative."""


@pytest.mark.parametrize(("name", "plain", "twin"), ONE, ids=[case[0] for case in ONE])
@given(x=numbers)
def test_scalar_functions_of_one(name: str, plain: Any, twin: Any, x: float) -> None:
    assert twin(Scalar(x)).data == pytest.approx(plain(x), nan_ok=True)


@pytest.mark.parametrize(("name", "plain", "twin"), ONE, ids=[case[0] for case in ONE])
@given(x=numbers)
def test_derivatives_of_one(name: str, plain: Any, twin: Any, x: float) -> None:
    if abs(x - KINKS.get(name, math.inf)) > 0.1:
        minitorch.derivative_check(twin, Scalar(x))


@pytest.mark.parametrize(("name", "plain", "twin"), TWO, ids=[case[0] for case in TWO])
@given(x=numbers, y=numbers.filter(lambda y: abs(y + 5.5) > 0.1))
def test_scalar_functions_of_two(name: str, plain: Any, twin: Any, x: float, y: float) -> None:
    assert twin(Scalar(x), Scalar(y)).data == pytest.approx(plain(x, y))
    if abs(x - y) > 6.0:  # At a distance from the steps of the comparisons.
        minitorch.derivative_check(twin, Scalar(x), Scalar(y))


def test_derivative_check_names_the_wrong_argument() -> None:
    class Wrong(minitorch.ScalarFunction):
        @staticmethod
        def forward(ctx: minitorch.Context, x: float) -> float:
            return x * x

        @staticmethod
        def backward(ctx: minitorch.Context, d_output: float) -> float:
            return d_output

    with pytest.raises(AssertionError, match="expected"):
        minitorch.derivative_check(Wrong.apply, Scalar(3.0))


def test_scalars_have_the_courses_attributes() -> None:
    x = Scalar(2.0, name="x")
    assert (x.name, x.data, x.derivative, x.unique_id) == ("x", 2.0, None, id(x))
    assert isinstance(x.history, minitorch.ScalarHistory) and x.history.last_fn is None
    assert x.is_leaf() and not x.is_constant() and list(x.parents) == []
    x.accumulate_derivative(1.5)
    x.accumulate_derivative(1.0)
    assert x.derivative == 2.5
    made = Scalar(
        1.0, minitorch.ScalarHistory(minitorch.scalar_functions.Mul, minitorch.Context(), [x, x])
    )
    assert not made.is_leaf() and list(made.parents) == [x, x]
    assert Scalar(1.0, back=None).is_constant()


def test_scalars_mix_with_numbers_on_both_sides() -> None:
    x = Scalar(4.0)
    results = [x + 1, 1 + x, x - 1, 1 - x, x * 2, 2 * x, x / 2, 2 / x, -x]
    assert [r.data for r in results] == [5.0, 5.0, 3.0, -3.0, 8.0, 8.0, 2.0, 0.5, -4.0]
    comparisons = [x < 5, x > 5, x == 4]
    assert all(isinstance(c, Scalar) for c in comparisons)
    assert [bool(c) for c in comparisons] == [True, False, True]


def test_backward_takes_a_derivative() -> None:
    x = Scalar(3.0)
    (x * x).backward(d_output=2.0)
    assert x.derivative == 12.0
