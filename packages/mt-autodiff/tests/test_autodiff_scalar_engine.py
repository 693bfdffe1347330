"""The engine of scalars: nodes, histories, and invalid results of functions."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from mt_autodiff.graph import Context, topological_sort
from mt_autodiff.modes import no_grad
from mt_autodiff.scalar import Scalar
from mt_autodiff.scalar_engine import ScalarFunction, ScalarHistory
from mt_autodiff.scalar_functions import (
    Add,
    Inv,
    Mul,
)


@pytest.mark.parametrize("thing", ["3", None, [3.0], 3j, np.array([3.0])])
def test_values_that_are_not_real_numbers(thing: Any) -> None:
    with pytest.raises(TypeError, match="is not a real number"):
        Scalar(thing)
    with pytest.raises(TypeError, match="is not a real number"):
        Scalar(1.0) * thing
    with pytest.raises(TypeError, match="is not a real number"):
        thing * Scalar(1.0)


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


def test_only_leaves_hold_derivatives() -> None:
    x = Scalar(1.0)
    y = x * 2.0
    y.backward()
    assert y.derivative is None
    for not_a_leaf in (y, Scalar(1.0, back=None)):
        with pytest.raises(RuntimeError, match="is not a leaf"):
            not_a_leaf.accumulate_derivative(1.0)


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
