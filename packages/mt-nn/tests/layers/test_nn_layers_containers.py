"""Sequential networks, activations and flattening as layers."""

from typing import Any

import numpy as np
import pytest

from mt_autodiff import Tensor, no_grad, ones, rand
from mt_nn import (
    Flatten,
    Identity,
    Lambda,
    Linear,
    Module,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    softmax,
)


@no_grad
def test_layers_are_applied_in_order() -> None:
    first, last = Linear(3, 4, rng=0), Linear(4, 2, rng=1)
    network = Sequential(first, Tensor.relu, last)
    x = rand((5, 3), 0) - 0.5
    np.testing.assert_array_equal(network(x), last(first(x).relu()))
    assert list(network) == [first, network[1], last]
    assert network[-1] is last
    assert [name for name, _ in network.named_children()] == ["0", "1", "2"]
    assert repr(network[1]) == "Lambda(relu)"
    assert isinstance(network[:2], Sequential)
    np.testing.assert_array_equal(network[:2](x), first(x).relu())
    assert network.append(Sigmoid()) is network
    np.testing.assert_array_equal(network(x), last(first(x).relu()).sigmoid())
    np.testing.assert_array_equal(network[2:](x @ ones((3, 4))), last(x @ ones((3, 4))).sigmoid())


def test_a_layer_may_repeat() -> None:
    relu = ReLU()
    network = Sequential(Linear(2, 2, rng=0), relu, Linear(2, 2, rng=1), relu)
    assert len(network) == 4
    assert (network(rand((3, 2), 0)).to_numpy() >= 0.0).all()
    assert len(Sequential()) == 0


def test_layers_by_name() -> None:
    network = Sequential({"hidden": Linear(2, 3, rng=0), "square": lambda x: x * x})
    assert [name for name, _ in network.named_parameters()] == ["hidden.weight", "hidden.bias"]
    assert network[1:][0] is network[1]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (([ReLU()],), r"a layer of type list; pass the layers one by one, Sequential\(\*layers\)"),
        ((ReLU,), r"a layer of type type; pass an object, such as ReLU\(\)"),
        ((3,), "a layer of type int; pass modules or functions"),
    ],
)
def test_arguments_that_are_no_layers(layers: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"Sequential: {message}"):
        Sequential(*layers)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (ReLU(), lambda x: np.maximum(x, 0.0)),
        (Sigmoid(), lambda x: 1.0 / (1.0 + np.exp(-x))),
        (Softmax(1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
        (Softmax(dim=-1), lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        (Identity(), lambda x: x),
        (Lambda(lambda x: x * 2.0), lambda x: x * 2.0),
        (Flatten(), lambda x: x.reshape(2, 12)),
        (Flatten(0), lambda x: x.reshape(24)),
        (Flatten(0, 1), lambda x: x.reshape(6, 4)),
        (Flatten(-1), lambda x: x),
    ],
    ids=lambda value: repr(value) if isinstance(value, Module) else "",
)
def test_layers_without_parameters(layer: Module, expected: Any) -> None:
    x = rand((4, 3, 2), 0).permute(2, 1, 0) - 0.5
    np.testing.assert_allclose(layer(x), expected(x.to_numpy()), rtol=1e-14)
    assert layer.state_dict() == {}


def test_errors_and_repr_of_these_layers() -> None:
    assert [repr(layer) for layer in (Flatten(), Flatten(0, 1), Softmax(1))] == [
        "Flatten()",
        "Flatten(0, 1)",
        "Softmax(dim=1)",
    ]
    with pytest.raises(ValueError, match="Flatten: start_dim 2 is after end_dim 1 in shape"):
        Flatten(2, 1)(ones((2, 3, 4)))
    with pytest.raises(TypeError, match=r"ReLU\(\): the input is of type ndarray, not Tensor"):
        ReLU()(np.ones(2))
    assert softmax(ones((1, 2)), 1).shape == (1, 2)
