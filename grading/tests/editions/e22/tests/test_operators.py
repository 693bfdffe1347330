"""Tests of the formulas and of the functions of lists."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minitorch import operators
from minitorch.operators import add, addLists, lt, mul, negList, prod, sigmoid

small_floats = st.floats(-100, 100, allow_nan=False)
lists = st.lists(small_floats, max_size=5)


def close(x, y):
    return abs(x - y) < 1e-4


@pytest.mark.task0_1
@given(small_floats, small_floats)
def test_same_as_python(x, y):
    assert close(mul(x, y), x * y)
    assert close(add(x, y), x + y)


@pytest.mark.task0_2
@given(small_floats)
def test_sigmoid(a):
    assert 0.0 <= sigmoid(a) <= 1.0
    assert close(1.0 - sigmoid(a), sigmoid(-a))
    assert close(sigmoid(0.0), 0.5)
    if -15 < a < 14:
        assert sigmoid(a + 0.1) > sigmoid(a)


@pytest.mark.task0_2
@given(small_floats, small_floats, small_floats)
def test_transitive(a, b, c):
    if lt(a, b) and lt(b, c):
        assert lt(a, c)
    assert not (lt(a, b) and lt(b, a))


@pytest.mark.task0_2
@given(small_floats, small_floats)
def test_symmetric(x, y):
    assert mul(x, y) == mul(y, x)


@pytest.mark.task0_2
@given(small_floats, small_floats, small_floats)
def test_distribute(x, y, z):
    assert math.isclose(mul(z, add(x, y)), add(mul(z, x), mul(z, y)), rel_tol=1e-6, abs_tol=1e-6)


@pytest.mark.task0_2
@given(small_floats)
def test_other(x):
    assert lt(x, x) == 0.0


@pytest.mark.task0_3
@given(lists, lists)
def test_sum_distribute(ls1, ls2):
    total = operators.sum(ls1) + operators.sum(ls2)
    assert close(total, operators.sum(ls1 + ls2))
    assert close(operators.sum(ls1), math.fsum(ls1))


@pytest.mark.task0_3
@given(small_floats, small_floats, small_floats, small_floats)
def test_addLists(a, b, c, d):
    x1, y1 = addLists([a, b], [c, d])
    assert close(x1, a + c)
    assert close(y1, b + d)


@pytest.mark.task0_3
@given(lists)
def test_negList(ls):
    assert all(close(x, -y) for x, y in zip(negList(ls), ls, strict=True))


@pytest.mark.task0_3
@given(small_floats, small_floats, small_floats)
def test_prod(x, y, z):
    assert math.isclose(prod([x, y, z]), x * y * z, rel_tol=1e-6, abs_tol=1e-6)
