"""Task 0.1: operators."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grading.checking.compare import expect_any_array, expect_array
from grading.checking.oracles.programs import EPS, sigmoid
from grading.checking.strategies import away_from, columns, positive, small_floats
from grading.checking.textbook import numbers
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task0_1

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "max": lambda x, y: x if x > y else y,
    "lt": lambda x, y: float(x < y),
    "eq": lambda x, y: float(x == y),
    "is_close": lambda x, y: float(abs(x - y) < 1e-2),
}

UNARY: dict[str, Callable[[float], float]] = {
    "id": lambda x: x,
    "neg": lambda x: -x,
    "relu": lambda x: x if x > 0 else 0.0,
    "sigmoid": sigmoid,
    "exp": math.exp,
}

# Arguments: x, away from kinks and poles, and the upstream derivative d.
DERIVATIVES: dict[str, Callable[[float, float], float]] = {
    "relu_back": lambda x, d: d if x > 0 else 0.0,
    "inv_back": lambda x, d: -d / x**2,
}


CLOSE = (np.array([1.0, 2.0]), np.array([1.005, 1.995]))
"""Numbers that are close and not equal, which random pairs rarely are."""


def compare(subject: Subject, formula: str, expected: Callable[..., float], *xs: Array) -> None:
    response = subject.call("operators.each", xs, {"formula": formula})
    expect_array(response, [expected(*numbers) for numbers in zip(*xs, strict=True)])


@pytest.mark.parametrize("formula", ARITHMETIC)
@example(pair=CLOSE)
@given(pair=columns(small_floats, 2))
def test_functions_of_two_numbers(
    subject: Subject, formula: str, pair: tuple[Array, Array]
) -> None:
    compare(subject, formula, ARITHMETIC[formula], *pair)


@pytest.mark.parametrize("formula", ["lt", "eq", "max", "is_close"])
@given(single=columns(small_floats))
def test_equal_numbers(subject: Subject, formula: str, single: tuple[Array]) -> None:
    compare(subject, formula, ARITHMETIC[formula], single[0], single[0].copy())


@pytest.mark.parametrize(
    ("gap", "close"), [(0.0099, 1.0), (0.0101, 0.0), (-0.0099, 1.0), (0.01, 0.0)]
)
def test_threshold_of_is_close(subject: Subject, gap: float, close: float) -> None:
    # A distance of 0.01 is exact only from 0.
    xs = np.array([0.0, 0.0] if gap == 0.01 else [1.0, -3.0])
    pair = xs, xs + gap
    response = subject.call("operators.each", pair, {"formula": "is_close"})
    expect_array(response, [close, close])


@pytest.mark.parametrize("formula", UNARY)
@given(single=columns(small_floats))
def test_functions_of_one_number(subject: Subject, formula: str, single: tuple[Array]) -> None:
    compare(subject, formula, UNARY[formula], *single)


@given(single=columns(numbers(st.floats(1e-3, 1e6), lambda x: x > 0)))
def test_logarithm(subject: Subject, single: tuple[Array]) -> None:
    """Accept log(x + EPS), the formula until 2023, and the natural logarithm of 2024."""
    response = subject.call("operators.each", single, {"formula": "log"})
    (xs,) = single
    expect_any_array(response, [np.log(xs + EPS), np.log(xs)])


def test_logarithm_of_zero(subject: Subject) -> None:
    response = subject.call("operators.each", [np.zeros(1)], {"formula": "log"})
    expect_array(response, [math.log(EPS)])


@given(single=columns(away_from(0.0, small_floats)))
def test_reciprocal(subject: Subject, single: tuple[Array]) -> None:
    compare(subject, "inv", lambda x: 1 / x, *single)


@pytest.mark.parametrize("x", [-1e4, -800.0, -40.0, 40.0, 800.0, 1e4])
def test_sigmoid_of_large_numbers(subject: Subject, x: float) -> None:
    response = subject.call("operators.each", [np.array([x])], {"formula": "sigmoid"})
    exact = 1.0 if x > 0 else math.exp(max(x, -745.0)) * (x > -745.0)
    expect_array(response, [exact], relative=1e-12, absolute=0.0)


@pytest.mark.parametrize(
    ("formula", "numbers", "expected"),
    [
        ("relu", [0.0, 1e-300, -1e-300], [0.0, 1e-300, 0.0]),
        ("lt", [0.0, 1.0, -1.0], [0.0, 0.0, 0.0]),
        ("eq", [0.0, 1.0, -1e300], [1.0, 1.0, 1.0]),
        ("max", [0.0, -1.0, 1e300], [0.0, -1.0, 1e300]),
        ("exp", [0.0, -700.0, 700.0], [1.0, math.exp(-700), math.exp(700)]),
        ("inv", [1e-300, -1e-300, 1e300], [1e300, -1e300, 1e-300]),
    ],
)
def test_edge_cases(
    subject: Subject, formula: str, numbers: list[float], expected: list[float]
) -> None:
    """Check kinks, ties and the limits of the range; functions of two numbers get equal ones."""
    count = 2 if formula in ("lt", "eq", "max") else 1
    response = subject.call("operators.each", [np.array(numbers)] * count, {"formula": formula})
    expect_array(response, expected, absolute=0.0)


@pytest.mark.parametrize("formula", ["relu_back", "inv_back"])
@given(pair=columns(away_from(0.0, small_floats), 2))
def test_derivatives(subject: Subject, formula: str, pair: tuple[Array, Array]) -> None:
    compare(subject, formula, DERIVATIVES[formula], *pair)


@given(pair=columns(positive, 2))
def test_derivative_of_the_logarithm(subject: Subject, pair: tuple[Array, Array]) -> None:
    response = subject.call("operators.each", pair, {"formula": "log_back"})
    xs, ds = pair
    expect_any_array(response, [ds / (xs + EPS), ds / xs])


@pytest.mark.parametrize("pair", [(math.nan, 1.0), (1.0, math.nan)])
def test_maximum_of_nan(subject: Subject, pair: tuple[float, float]) -> None:
    columns_of_one = [np.array([x]) for x in pair]
    response = subject.call("operators.each", columns_of_one, {"formula": "max"})
    expect_array(response, [math.nan])
