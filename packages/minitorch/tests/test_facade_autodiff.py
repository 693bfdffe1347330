"""Backpropagation and its graph, under the course's names."""

from typing import Any

import pytest
from hypothesis import strategies as st

import minitorch
from minitorch import Scalar

numbers = st.floats(-100.0, 100.0)


def test_central_difference_with_arg_and_epsilon() -> None:
    slope = minitorch.central_difference(lambda x, y: x * y * y, 3.0, 5.0, arg=1, epsilon=1e-3)
    assert slope == pytest.approx(30.0)


def test_context_saves_values_unless_no_grad() -> None:
    context = minitorch.Context()
    context.save_for_backward(1, "two")
    assert context.saved_values == context.saved_tensors == (1, "two")
    silent = minitorch.Context(no_grad=True)
    silent.save_for_backward(1)
    assert silent.saved_values == ()


class Square(minitorch.ScalarFunction):
    @staticmethod
    def forward(ctx: minitorch.Context, x: float, y: float) -> float:
        ctx.save_for_backward(x)
        return x * x + y

    @staticmethod
    def backward(ctx: minitorch.Context, d_output: float) -> tuple[float, float]:
        (x,) = ctx.saved_values
        return d_output * 2 * x, d_output


def test_chain_rule_pairs_every_input_constants_included() -> None:
    constant, x = Scalar(7.0, back=None), Scalar(3.0)
    pairs = list(Square.apply(x, constant).chain_rule(d_output=5.0))
    assert [(id(v), d) for v, d in pairs] == [(id(x), 30.0), (id(constant), 5.0)]


def test_topological_sort_leaves_constants_out() -> None:
    constant, x = Scalar(7.0, back=None), Scalar(3.0)
    y = Square.apply(x, constant)
    assert [v.unique_id for v in minitorch.topological_sort(y)] == [y.unique_id, x.unique_id]


def test_backpropagate_starts_with_the_given_derivative() -> None:
    x = Scalar(3.0)
    minitorch.backpropagate(x * x, 0.5)
    assert x.derivative == 3.0


class Pair:
    """A variable that a user defines: two numbers and their sum."""

    def __init__(self, *parents: "Pair") -> None:
        self.parents = parents
        self.total = 0.0
        self.unique_id = id(self)

    def is_leaf(self) -> bool:
        return not self.parents

    def is_constant(self) -> bool:
        return False

    def accumulate_derivative(self, x: Any) -> None:
        self.total += x

    def chain_rule(self, d_output: Any) -> list[tuple["Pair", Any]]:
        return [(parent, d_output) for parent in self.parents]


def test_backpropagation_of_user_defined_variables() -> None:
    leaf = Pair()
    minitorch.backpropagate(Pair(Pair(leaf, leaf), leaf), 2.0)
    assert leaf.total == 6.0
