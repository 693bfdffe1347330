"""Operators on numbers and lists, under the course's names."""

import math

import minitorch
from minitorch import operators


def test_curried_list_functions() -> None:
    assert operators.map(operators.neg)([1.0, -2.0]) == [-1.0, 2.0]
    assert operators.zipWith(operators.mul)([1.0, 2.0], [3.0, 4.0]) == [3.0, 8.0]
    assert operators.reduce(operators.add, 10.0)([1.0, 2.0]) == 13.0
    assert operators.negList([1.0]) == [-1.0]
    assert operators.addLists([1.0, 2.0], [3.0, 4.0]) == [4.0, 6.0]
    assert operators.sum([1.0, 2.0, 3.0]) == 6.0
    assert operators.prod([2.0, 3.0]) == minitorch.prod([2, 3]) == 6.0


def test_epsilon_and_closeness() -> None:
    assert operators.EPS == 1e-6
    assert operators.log(0.0) == math.log(1e-6)
    assert operators.is_close(1.0, 1.009) == 1.0
    assert operators.is_close(1.0, 1.011) == 0.0


def test_sigmoid_is_stable_on_both_tails() -> None:
    assert operators.sigmoid(1e6) == 1.0
    assert operators.sigmoid(-1e6) == 0.0
    assert operators.sigmoid(-700.0) == math.exp(-700.0)
