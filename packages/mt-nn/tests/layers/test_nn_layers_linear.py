"""The fully connected layer against NumPy's product, its gradients against finite differences."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, grad_check, rand, randn, tensor
from mt_nn import SGD, Linear, mse_loss
from mt_tensor import Reference, ShapeError

sizes = st.integers(1, 4)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=3), sizes, sizes, st.booleans())
def test_outputs_are_weighted_sums(
    batch: list[int], in_size: int, out_size: int, bias: bool
) -> None:
    layer = Linear(in_size, out_size, bias=bias, rng=0)
    if layer.bias is not None:
        layer.bias.update(randn((out_size,), rng=1))
    x = randn((*batch, in_size), rng=2)
    expected = x.to_numpy() @ layer.weight.value.to_numpy()
    if layer.bias is not None:
        expected = expected + layer.bias.value.to_numpy()
    np.testing.assert_allclose(layer(x).detach(), expected, atol=1e-12)


@pytest.mark.parametrize("batch", [(2,), (2, 3)])
def test_gradients_reach_input_weight_and_bias(batch: tuple[int, ...]) -> None:
    layer = Linear(3, 2, rng=0)

    def f(x: Tensor, weight: Tensor, bias: Tensor) -> Any:
        assert layer.bias is not None
        layer.weight.value, layer.bias.value = weight, bias
        return layer(x)

    grad_check(f, randn((*batch, 3), rng=1), randn((3, 2), rng=2), randn((2,), rng=3))


def test_a_seed_gives_the_layer_again() -> None:
    first, second = (Linear(3, 2, rng=7) for _ in range(2))
    np.testing.assert_array_equal(first.weight.value.detach(), second.weight.value.detach())
    assert first.bias is not None
    assert first.bias.value.to_numpy().tolist() == [0.0, 0.0]
    rng = np.random.default_rng(7)
    shared = [Linear(3, 2, rng=rng) for _ in range(2)]
    assert not np.array_equal(*(layer.weight.value.detach() for layer in shared))


def test_a_layer_lives_on_its_backend() -> None:
    backend = Reference(np.float32)
    layer = Linear(3, 2, rng=0, backend=backend)
    out = layer(rand((1, 3), rng=0, backend=backend))
    assert out.backend == backend
    assert [p.value.backend for p in layer.parameters()] == [backend, backend]


def test_parameters_have_names() -> None:
    assert [name for name, _ in Linear(2, 1).named_parameters()] == ["weight", "bias"]
    assert [name for name, _ in Linear(2, 1, bias=False).named_parameters()] == ["weight"]


def test_the_layer_shows_its_sizes() -> None:
    assert repr(Linear(2, 1)) == "Linear(2, 1)"
    assert repr(Linear(2, 1, bias=False)) == "Linear(2, 1, bias=False)"


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 4), ()])
def test_inputs_of_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as caught:
        Linear(3, 2)(rand(shape))
    message = str(caught.value)
    assert "Linear(3, 2)" in message
    assert str(shape) in message
    assert "expected (batch, 3)" in message
    assert "view(batch, 3)" in message


def test_inputs_that_are_not_tensors() -> None:
    with pytest.raises(TypeError, match=r"Linear\(3, 2\): the input is of type ndarray, not T"):
        Linear(3, 2)(np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Linear(0, 2), ValueError, "Linear: in_size 0 must be an integer, 1 or more"),
        (lambda: Linear(2, -1), ValueError, "Linear: out_size -1 must be"),
        (
            lambda: Linear(cast(Any, 2.0), 1),
            TypeError,
            "Linear: in_size 2.0 must be an integer",
        ),
        (
            lambda: Linear(cast(Any, "2"), 1),
            TypeError,
            "Linear: in_size '2' must be an integer",
        ),
    ],
)
def test_invalid_sizes(build: Callable[[], Linear], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


def test_a_layer_learns_a_line() -> None:
    layer = Linear(1, 1, rng=0)
    optimizer = SGD(layer.parameters(), lr=0.5)
    x = tensor([[-1.0], [0.0], [1.0]])
    for _ in range(100):
        optimizer.zero_grad()
        mse_loss(layer(x), x * 3.0 - 1.0).backward()
        optimizer.step()
    assert layer.bias is not None
    assert layer.weight.value.item() == pytest.approx(3.0)
    assert layer.bias.value.item() == pytest.approx(-1.0)


@pytest.mark.parametrize("activation", [None, "relu"])
def test_an_input_on_another_backend_is_an_error(activation: Any) -> None:
    layer = Linear(3, 2, rng=0, activation=activation, backend=Reference(np.float32))
    with pytest.raises(TypeError, match=r"Reference\(float64\) and Reference\(float32\); move one"):
        layer(tensor(np.ones((4, 3))))
    assert layer(tensor(np.ones((4, 3)), Reference(np.float32))).dtype == np.float32
