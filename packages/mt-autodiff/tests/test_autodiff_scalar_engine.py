"""The engine of scalars: nodes, histories, and invalid results of functions."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "copy": copy.copy,
}


@pytest.mark.parametrize("twin", [COPIES["deepcopy"], COPIES["pickle"]], ids=["deepcopy", "pickle"])
def test_deep_graphs_can_be_copied(twin: Any) -> None:
    x = y = Scalar(1.0, name="x")
    for _ in range(5000):
        y = y * 1.0 + x * 0.5
    copied_x, copied_y = twin([x, y])
    copied_y.backward()
    y.backward()
    assert copied_y.data == y.data
    assert copied_x.derivative == x.derivative == 1.0 + 0.5 * 5000
    assert copied_x.name == "x"


@given(
    st.lists(st.tuples(st.sampled_from(["add", "mul"]), st.integers(0), st.integers(0)), max_size=9)
)
def test_copies_of_graphs_have_the_same_derivatives(
    steps: list[tuple[str, int, int]],
) -> None:
    def build() -> list[Scalar]:
        nodes = [Scalar(2.0), Scalar(3.0), Scalar(5.0, back=None)]
        for name, a, b in steps:
            left, right = nodes[a % len(nodes)], nodes[b % len(nodes)]
            nodes.append(left + right if name == "add" else left * right)
        return nodes

    nodes = build()
    for twin in COPIES.values():
        expected, copied = build(), twin(nodes)
        if twin is copy.copy:
            copied = [copy.copy(node) for node in nodes]
            copied[0], copied[1] = nodes[0], nodes[1]
            nodes[0].derivative = nodes[1].derivative = None
        for one, other in zip(copied, expected, strict=True):
            assert (one.data, one.is_leaf(), one.is_constant()) == (
                other.data,
                other.is_leaf(),
                other.is_constant(),
            )
        if not expected[-1].is_constant():
            expected[-1].backward()
            copied[-1].backward()
        assert [x.derivative for x in copied[:2]] == [x.derivative for x in expected[:2]]


def test_a_subclass_keeps_its_attributes() -> None:
    x = Tagged(2.0)
    x.tag = "weight"
    x.derivative = 0.5
    for twin in (copy.deepcopy(x), copy.copy(x)):
        assert (type(twin), twin.tag, twin.data, twin.derivative) == (Tagged, "weight", 2.0, 0.5)
        assert twin.is_leaf
        assert twin.name == str(twin.unique_id)


class Tagged(Scalar):
    """A Scalar with further attributes."""

    tag = ""


def test_formats() -> None:
    x = Scalar(2.0 / 3.0)
    assert (f"{x:.3f}", f"{x}") == ("0.667", "Scalar(0.6666666666666666)")


def test_a_function_without_methods() -> None:
    with pytest.raises(NotImplementedError, match="Empty has no method forward; define it as"):
        empty: Any = type("Empty", (ScalarFunction,), {})
        empty.apply(1.0)
    half: Any = type("Half", (ScalarFunction,), {"forward": staticmethod(lambda ctx, x: x / 2)})
    with pytest.raises(NotImplementedError, match="Half has no method backward; define it as a"):
        half.apply(Scalar(1.0)).backward()


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
