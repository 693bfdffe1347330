"""Scalars: the values of plain floats, and the derivatives of finite differences."""

import copy
import gc
import math
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mt_autodiff.derivatives import central_difference
from mt_autodiff.grad_check import derivative_check
from mt_autodiff.graph import Context, backpropagate, topological_sort
from mt_autodiff.modes import no_grad
from mt_autodiff.scalar import Scalar
from mt_autodiff.scalar_engine import ScalarFunction, ScalarHistory
from mt_autodiff.scalar_functions import (
    EQ,
    LT,
    Add,
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
def test_numbers_of_any_kind(op: Callable[..., Any], number: Any) -> None:
    left, right = op(number, Scalar(4.0)), op(Scalar(4.0), number)
    assert isinstance(left, Scalar)
    assert isinstance(right, Scalar)
    assert type(left.data) is type(right.data) is float
    assert (left.data, right.data) == (op(float(number), 4.0), op(4.0, float(number)))


@pytest.mark.parametrize("thing", ["3", None, [3.0], 3j, np.array([3.0])])
def test_what_is_not_a_real_number(thing: Any) -> None:
    with pytest.raises(TypeError, match="is not a real number"):
        Scalar(thing)
    with pytest.raises(TypeError, match="is not a real number"):
        Scalar(1.0) * thing
    with pytest.raises(TypeError, match="is not a real number"):
        thing * Scalar(1.0)


def test_a_scalar_equals_nothing_but_numbers() -> None:
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


# Identity


def test_scalars_are_keys_by_identity() -> None:
    x, y = Scalar(1.0), Scalar(1.0)
    assert len({x, y, x}) == 2
    assert {x: "x", y: "y"}[y] == "y"
    assert x.unique_id != y.unique_id


def test_names() -> None:
    x = Scalar(1.0)
    assert x.name == str(x.unique_id)
    assert Scalar(1.0, name="weight").name == "weight"
    assert repr(Scalar(-0.5)) == "Scalar(-0.5)"


def test_copies_and_pickles() -> None:
    x = Scalar(2.0, name="x")
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (twin.data, twin.name, twin.is_leaf()) == (2.0, "x", True)
        assert twin.unique_id != x.unique_id


# History


def test_leaf_result_and_constant() -> None:
    leaf, constant = Scalar(1.0), Scalar(2.0, back=None)
    result = leaf * constant
    assert [x.is_leaf() for x in (leaf, constant, result)] == [True, False, False]
    assert [x.is_constant() for x in (leaf, constant, result)] == [False, True, False]
    assert [list(x.parents) for x in (leaf, constant)] == [[], []]
    assert list(result.parents) == [leaf, constant]
    assert result.history is not None
    assert result.history.last_fn is Mul
    assert isinstance(leaf.history, ScalarHistory)


def test_numbers_become_constants() -> None:
    _, number = (Scalar(3.0) + 2).parents
    assert number.is_constant()
    assert number.data == 2.0
    assert Inv.apply(2.0).is_constant()


def test_constants_make_constants() -> None:
    constant = Scalar(2.0, back=None)
    assert (constant * 3.0).is_constant()
    assert topological_sort(constant * 3.0) == []


def test_no_grad_makes_constants() -> None:
    x = Scalar(3.0)
    with no_grad():
        y = x * x
        assert y.is_constant()
        assert Scalar(1.0).is_leaf()
    assert y.data == 9.0
    assert (x * y).history is not None


def test_no_grad_saves_nothing() -> None:
    contexts: list[Context] = []

    class Spy(ScalarFunction):
        @staticmethod
        def forward(ctx: Context, x: float) -> float:
            ctx.save_for_backward(x)
            contexts.append(ctx)
            return x

    Spy.apply(Scalar(1.0))
    with no_grad():
        Spy.apply(Scalar(1.0))
    Spy.apply(1.0)
    assert [ctx.saved_values for ctx in contexts] == [(1.0,), (), ()]


def test_requires_grad() -> None:
    x = Scalar(2.0)
    y = x * x
    y.requires_grad_(True)
    assert y.is_leaf()
    (y * 3.0).backward()
    assert (x.derivative, y.derivative) == (None, 3.0)
    assert y.requires_grad_(False) is y
    assert y.is_constant()


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


def test_derivatives_add_up() -> None:
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


def test_only_leaves_hold_derivatives() -> None:
    x = Scalar(1.0)
    y = x * 2.0
    y.backward()
    assert y.derivative is None
    for not_a_leaf in (y, Scalar(1.0, back=None)):
        with pytest.raises(RuntimeError, match="is not a leaf"):
            not_a_leaf.accumulate_derivative(1.0)


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
    """x y + x, as a user writes it."""

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


@pytest.mark.parametrize("wrong", [1, "1.0", None, np.float32(1.0), Scalar(1.0)])
def test_forward_must_return_a_float(wrong: Any) -> None:
    class Wrong(ScalarFunction):
        @staticmethod
        def forward(ctx: Context, x: float) -> float:
            return wrong  # type: ignore[no-any-return]

    with pytest.raises(TypeError, match=rf"Wrong.forward returned .*{type(wrong).__name__}"):
        Wrong.apply(Scalar(1.0))


def test_the_wrong_number_of_arguments() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        Add.apply(Scalar(1.0))


@pytest.mark.parametrize(
    ("fn", "formula", "arity"),
    [
        (Add, operators.add, 2),
        (Mul, operators.mul, 2),
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


# The check


@given(st.floats(-100.0, 100.0))
def test_check_passes_even_at_kinks_and_jumps(x: float) -> None:
    leaf = Scalar(x)
    derivative_check(lambda x: (x + 5.5).relu(), leaf)
    derivative_check(lambda x: (x * x * x).sigmoid() + x.exp(), leaf)
    derivative_check(lambda x, y: (x < y) + (x == y + 5.5) * 3.0, leaf, Scalar(x))
    assert leaf.derivative is None


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e12, -1e100, 1e-6])
def test_check_at_the_ends_of_the_scale(x: float) -> None:
    derivative_check(lambda x: x * 3.0 + 1.0, Scalar(x))
    derivative_check(lambda x: x * x / 7.0, Scalar(x))
    derivative_check(lambda x: x.relu().sigmoid(), Scalar(x))


def test_check_is_as_sharp_as_the_floats_allow() -> None:
    derivative_check(lambda x: (x - 1e6).sigmoid(), Scalar(1e6))
    derivative_check(lambda x: x + 1e12, Scalar(0.1))
    with pytest.raises(AssertionError, match=r"is 19999\d+.0 by central difference"):
        derivative_check(Faulty.apply, Scalar(1e12))


def test_check_treats_equal_arguments_apart() -> None:
    x = Scalar(2.0)
    derivative_check(lambda a, b: a * a * b, x, x)


def test_check_of_functions_that_ignore_arguments() -> None:
    derivative_check(lambda x, y: x * 2.0, Scalar(1.0), Scalar(2.0))
    derivative_check(lambda x: Scalar(3.0, back=None), Scalar(1.0))


class Faulty(ScalarFunction):
    """A square whose derivative is off by a factor or worse."""

    wrong: float = 0.0

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        return x * x

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        return Faulty.wrong


@pytest.mark.parametrize("wrong", [0.0, 3.99, 4.01, -4.0, math.nan, math.inf])
def test_check_finds_a_wrong_derivative(wrong: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "wrong", wrong)

    def product(x: Scalar, y: Scalar) -> Scalar:
        return x + Faulty.apply(y)

    with pytest.raises(AssertionError) as failure:
        derivative_check(product, Scalar(1.0), Scalar(2.0))
    message = str(failure.value)
    assert "product at (1.0, 2.0)" in message
    assert "argument 1 is 4.0" in message
    assert f"{wrong} by backpropagation (received)" in message


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_check_never_passes_on_what_is_not_finite(x: float) -> None:
    with pytest.raises(AssertionError, match="derivative_check"):
        derivative_check(lambda x: x * x, Scalar(x))
    with pytest.raises(AssertionError, match="derivative_check"):
        derivative_check(lambda y: Scalar(x if y.data == 0.0 else 1.0) + 0.0 * y, Scalar(0.0))


def test_check_needs_a_scalar() -> None:
    with pytest.raises(TypeError, match="must return a Scalar"):
        derivative_check(lambda x: 3.0, Scalar(1.0))  # type: ignore[arg-type, return-value]
