"""Parameters: their values, and the errors of operations that need the value."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mt_nn
from mt_autodiff import Scalar, concatenate, ones, take, tensor, where
from mt_nn import Linear
from mt_nn.parameter import Parameter


class Mock:
    """An object with the method requires_grad_."""

    def __init__(self) -> None:
        self.flag = False

    def requires_grad_(self, flag: bool) -> None:
        self.flag = flag


def test_a_parameter_calls_requires_grad() -> None:
    first, second = Mock(), Mock()
    parameter = Parameter(first, "p")
    assert first.flag
    assert not hasattr(first, "name")
    parameter.update(second)
    assert second.flag
    assert parameter.value is second


def test_an_update_becomes_a_leaf_with_the_name() -> None:
    parameter = Parameter(Scalar(2.0), name="p")
    parameter.update(parameter.value * 3.0)
    assert parameter.value.is_leaf()
    assert (parameter.value.data, parameter.value.name) == (6.0, "p")

    weights = Parameter(tensor([1.0, 2.0]), name="w")
    weights.update(weights.value * 2.0)
    assert weights.value.is_leaf()
    assert weights.value.name == "w"


def test_an_unnamed_parameter_keeps_the_name_of_its_value() -> None:
    assert Parameter(Scalar(1.0, name="x")).value.name == "x"


def test_repr_and_str_of_parameters() -> None:
    assert str(Parameter(5)) == "5"
    assert repr(Parameter(Scalar(1.0))) == "Parameter(Scalar(1.0))"
    lines = repr(Parameter(tensor([[1.0, 2.0], [3.0, 4.0]]))).splitlines()
    # The second row is aligned with the first, which follows "Parameter(tensor(".
    assert lines[1].index("[3.") == lines[0].index("[1.")


def test_attributes_of_a_parameter() -> None:
    parameter = Parameter(tensor([[1.0, 2.0]]))
    assert parameter.shape == (1, 2)
    assert Parameter(Scalar(1.0)).shape == ()
    parameter.grad = tensor([[3.0, 4.0]])
    assert parameter.value.grad is parameter.grad
    with pytest.raises(AttributeError, match=r"read parameter\.value\.permute, and call"):
        parameter.permute(1, 0)  # type: ignore[attr-defined]
    number = Parameter(1.0)
    assert (number.grad, number.requires_grad) == (None, False)
    with pytest.raises(TypeError, match="a value of type float has no gradient"):
        number.grad = tensor([1.0])


def test_an_update_by_a_result_has_no_history() -> None:
    parameter = Parameter(tensor([1.0, 2.0]))
    first = parameter.value
    parameter.update(parameter.value * 2.0)
    (parameter.value * 3.0).sum().backward()
    assert parameter.grad.tolist() == [3.0, 3.0]
    assert first.grad is None


def test_a_replaced_value_stays_frozen() -> None:
    for value in (tensor([1.0]), Scalar(1.0)):
        parameter: Parameter = Parameter(value)
        parameter.requires_grad = False
        parameter.replace(copy.deepcopy(value))
        assert not parameter.requires_grad
        parameter.update(copy.deepcopy(value))
        assert parameter.requires_grad


X = ones(2, 2)
OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "x @ w": lambda w: X @ w,
    "w @ x": lambda w: w @ X,
    "w + 1": lambda w: w + 1,
    "1 - w": lambda w: 1 - w,
    "array * w": lambda w: np.ones((2, 2)) * w,
    "x / w": lambda w: X / w,
    "w ** 2": lambda w: w**2,
    "-w": lambda w: -w,
    "abs(w)": abs,
    "w[0]": lambda w: w[0],
    "list(w)": list,
    "float(w)": float,
    "w < 1": lambda w: w < 1,
    "w == 1": lambda w: w == 1,
    "w == x": lambda w: w == X,
    "x == w": lambda w: w == X,
    "w != array": lambda w: w != np.ones(2),
    "asarray": np.asarray,
    "exp": np.exp,
    "mean": np.mean,
    "tensor": tensor,
    "where": lambda w: where(X > 0.0, w, 0.0),
    "maximum": X.maximum,
    "linear": lambda w: mt_nn.linear(X, w),
}
METHODS: dict[str, Callable[[Any], Any]] = {
    "w.relu()": lambda w: w.relu(),
    "w.device": lambda w: w.device,
    "softmax": lambda w: mt_nn.softmax(w, 1),
    "take": lambda w: take(w, [0]),
    "mse_loss": lambda w: mt_nn.mse_loss(w, X),
    "w.data = x": lambda w: setattr(w, "data", X),
}


@pytest.mark.parametrize("use", OPERATIONS.values(), ids=OPERATIONS)
def test_operators_of_parameters_name_the_value(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"write parameter\.value"):
        use(Linear(2, 2, rng=0).weight)


@pytest.mark.parametrize("use", METHODS.values(), ids=METHODS)
def test_members_of_tensors_name_the_value(use: Callable[[Any], Any]) -> None:
    with pytest.raises(AttributeError, match=r"attribute value: read parameter\.value\."):
        use(Linear(2, 2, rng=0).weight)


def test_parameters_are_compared_by_identity() -> None:
    first, second = Parameter(tensor([1.0])), Parameter(tensor([1.0]))
    assert first == first
    assert first != second
    assert first in [second, first]
    assert len({first, second, first}) == 2
    assert first != "w"
    with pytest.raises(TypeError, match="Parameter is not a tensor"):
        concatenate([first, second])  # type: ignore[list-item]
