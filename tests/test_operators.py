"""Properties of the operators, in the form that tasks 0.2 and 0.3 require.

The grader runs them on right operators, where they have to pass, and on wrong ones, which they
have to notice.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minitorch import operators

small_floats = st.floats(min_value=-100, max_value=100, allow_nan=False)
lists = st.lists(small_floats, min_size=5, max_size=5)


def close(x: float, y: float) -> bool:
    return math.isclose(x, y, rel_tol=1e-6, abs_tol=1e-6)


@pytest.mark.task0_2
@given(small_floats)
def test_sigmoid(a: float) -> None:
    value = operators.sigmoid(a)
    assert 0.0 <= value <= 1.0
    assert close(1.0 - value, operators.sigmoid(-a))
    assert operators.sigmoid(0.0) == 0.5
    assert operators.sigmoid(a + 1.0) >= value


@pytest.mark.task0_2
@given(small_floats, small_floats, small_floats)
def test_transitive(a: float, b: float, c: float) -> None:
    if operators.lt(a, b) and operators.lt(b, c):
        assert operators.lt(a, c)


@pytest.mark.task0_2
@given(small_floats, small_floats)
def test_symmetric(a: float, b: float) -> None:
    assert operators.mul(a, b) == operators.mul(b, a)


@pytest.mark.task0_2
@given(small_floats, small_floats, small_floats)
def test_distribute(a: float, b: float, c: float) -> None:
    whole = operators.mul(a, operators.add(b, c))
    assert close(whole, operators.add(operators.mul(a, b), operators.mul(a, c)))


@pytest.mark.task0_2
@given(small_floats)
def test_other(a: float) -> None:
    assert operators.neg(operators.neg(a)) == a


@pytest.mark.task0_3
@given(lists, lists)
def test_sum_distribute(xs: list[float], ys: list[float]) -> None:
    separate = operators.sum(xs) + operators.sum(ys)
    assert close(separate, operators.sum(operators.addLists(xs, ys)))
