"""Operators, scalars, backpropagation and modules, under the course's names."""

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch
from minitorch import Scalar, operators

numbers = st.floats(-100.0, 100.0)
ONE, TWO, _ = minitorch.MathTestVariable._comp_testing()
KINKS = {"inv": -3.5, "relu": -5.5, "complex": -0.7}
"""Where functions of the test cases have no derivative."""


# operators


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


# autodiff


def test_central_difference_takes_arg_and_epsilon() -> None:
    slope = minitorch.central_difference(lambda x, y: x * y * y, 3.0, 5.0, arg=1, epsilon=1e-3)
    assert slope == pytest.approx(30.0)


def test_context_keeps_values_unless_told_not_to() -> None:
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
    """A variable of one's own: two numbers that are added up."""

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


def test_backpropagation_serves_any_variable() -> None:
    leaf = Pair()
    minitorch.backpropagate(Pair(Pair(leaf, leaf), leaf), 2.0)
    assert leaf.total == 6.0


# scalar


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
    if abs(x - y) > 6.0:  # Away from the steps of the comparisons.
        minitorch.derivative_check(twin, Scalar(x), Scalar(y))


def test_derivative_check_names_what_is_wrong() -> None:
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
    made = Scalar(1.0, minitorch.ScalarHistory(Square, minitorch.Context(), [x, x]))
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


# module


class Leaf(minitorch.Module):
    def __init__(self) -> None:
        super().__init__()
        self.p = minitorch.Parameter(15)


class Root(minitorch.Module):
    def __init__(self) -> None:
        super().__init__()
        self.p = minitorch.Parameter(5)
        self.not_a_parameter = 10
        self.leaf = Leaf()
        self.same_leaf = self.leaf

    def forward(self, x: float) -> float:
        return x + float(self.p.value)


def test_modules_find_members_by_assignment() -> None:
    root = Root()
    assert {name: p.value for name, p in root.named_parameters()} == {"p": 5, "leaf.p": 15}
    assert [p.value for p in root.parameters()] == [5, 15]
    assert list(root.modules()) == [root.leaf]
    assert root(2.0) == 7.0
    added = root.add_parameter("late", 1)
    assert added.value == 1 and root.late is added
    assert "leaf" in repr(root)


def test_modules_switch_between_training_and_evaluation() -> None:
    root = Root()
    assert root.training and root.leaf.training and root.mode == "train"
    root.eval()
    assert not root.training and not root.leaf.training
    root.train()
    assert root.training and root.leaf.training


class Asked:
    asked = False

    def requires_grad_(self, flag: bool) -> None:
        self.asked = flag


def test_parameter_asks_any_value_for_gradients() -> None:
    first, second = Asked(), Asked()
    parameter = minitorch.Parameter(first, name="p")
    parameter.update(second)
    assert first.asked and second.asked
    assert parameter.value is second and parameter.name == "p"


# datasets and testing


@pytest.mark.parametrize("name", ["Simple", "Diag", "Split", "Xor", "Circle", "Spiral"])
def test_datasets_draw_from_pythons_random(name: str) -> None:
    random.seed(5)
    first = minitorch.datasets[name](10)
    random.seed(5)
    second = getattr(minitorch, name.lower())(10)
    assert first == second
    assert (first.N, len(first.X), len(first.y)) == (10, 10, 10)
    assert set(first.y) <= {0, 1}
    assert all(len(point) == 2 for point in first.X)


def test_test_cases_are_the_courses() -> None:
    one, two, red = minitorch.MathTest._tests()
    names = """neg addConstant square cube subConstant multConstant div inv sig log relu exp explog
        complex"""
    assert {name for name, _ in one} == set(names.split())
    assert {name for name, _ in two} == {"add2", "mul2", "div2", "gt2", "lt2", "eq2"}
    assert {name for name, _ in red} == {"sum_red", "mean_red", "mean_full_red"}
    for plain, paired in zip(
        (one, two, red), minitorch.MathTestVariable._comp_testing(), strict=True
    ):
        assert [(name, fn) for name, fn, _ in paired] == plain
