"""Finite differences, compared with derivatives in closed form."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff.derivatives import central_difference

small = st.floats(-10.0, 10.0)


@given(small, small, small)
def test_polynomial(x: float, y: float, z: float) -> None:
    def f(x: float, y: float, z: float) -> float:
        return x * x * y + 3.0 * z

    gradient = [central_difference(f, x, y, z, arg=arg) for arg in range(3)]
    assert gradient == pytest.approx([2.0 * x * y, x * x, 3.0], rel=1e-5, abs=1e-5)


@given(small)
def test_transcendental(x: float) -> None:
    assert central_difference(math.sin, x) == pytest.approx(math.cos(x), abs=1e-8)
    assert central_difference(math.exp, x) == pytest.approx(math.exp(x), rel=1e-6)


def test_error_is_of_second_order() -> None:
    # For x³ the error is ε² exactly.
    assert central_difference(lambda x: x**3, 2.0, epsilon=0.5) == 12.0 + 0.25


def test_integer_points() -> None:
    assert central_difference(lambda x, y: x * y, 5, 10, arg=1) == pytest.approx(5.0)


def test_the_other_arguments_are_unchanged() -> None:
    seen = []

    def f(a: object, x: float, b: object) -> float:
        seen.append((a, b))
        return x

    a, b = object(), object()
    assert central_difference(f, a, 1.0, b, arg=1) == pytest.approx(1.0)
    assert seen == [(a, b), (a, b)]


def test_nan_passes_through() -> None:
    assert math.isnan(central_difference(lambda x: x, math.nan))


@pytest.mark.parametrize("arg", [-1, 2])
def test_invalid_argument_positions(arg: int) -> None:
    with pytest.raises(IndexError, match=f"arg={arg} .* 2 values"):
        central_difference(lambda x, y: x + y, 1.0, 2.0, arg=arg)


@pytest.mark.parametrize("epsilon", [0.0, -1e-6, math.nan])
def test_invalid_steps(epsilon: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        central_difference(lambda x: x, 1.0, epsilon=epsilon)
