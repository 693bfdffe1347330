"""The dropout layer in training and evaluation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, grad_check, ones, randn, tensor
from mt_nn import Dropout, Module
from mt_tensor import Reference


@given(st.floats(0.0, 0.99), st.integers(0, 2**32 - 1))
def test_elements_are_dropped_or_scaled(rate: float, seed: int) -> None:
    x = randn((4, 5), rng=seed)
    out = Dropout(rate, rng=seed)(x).to_numpy()
    kept = out != 0.0
    np.testing.assert_allclose(out[kept], x.to_numpy()[kept] / (1.0 - rate), rtol=1e-12)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_every_element_keeps_its_mean(rate: float) -> None:
    count = 40_000
    out = Dropout(rate, rng=0)(ones((count,)))
    # Six standard errors of the mean of a scaled binomial distribution.
    assert abs(out.to_numpy().mean() - 1.0) < 6 * math.sqrt(rate / (1 - rate) / count)


def test_rates_0_and_1() -> None:
    x = ones((100,))
    assert (Dropout(1.0, rng=0)(x).to_numpy() == 0.0).all()
    assert Dropout(0.0, rng=0)(x) is x


def test_evaluation_is_the_identity_and_draws_nothing() -> None:
    class Network(Module):
        def __init__(self) -> None:
            self.layers = [Dropout(0.5, rng=0)]

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.layers[0](x)
            return out

    network = Network()
    network.eval()
    x = ones((10,))
    before = network.layers[0].rng.bit_generator.state
    assert network(x) is x
    assert network.layers[0].rng.bit_generator.state == before
    network.train()
    assert 0.0 in network(x).to_numpy()


def test_restoring_the_generator_repeats_a_call() -> None:
    layer = Dropout(0.5, rng=3)
    x = ones((50,))
    state = layer.rng.bit_generator.state
    first, second = layer(x).to_numpy(), layer(x).to_numpy()
    assert not np.array_equal(first, second)
    layer.rng.bit_generator.state = state
    np.testing.assert_array_equal(layer(x), first)
    np.testing.assert_array_equal(Dropout(0.5, rng=3)(x), first)


def test_a_generator_may_be_shared() -> None:
    rng = np.random.default_rng(0)
    assert Dropout(0.5, rng).rng is Dropout(0.5, rng).rng


def test_gradients_are_dropped_like_the_elements() -> None:
    def f(x: Tensor) -> Tensor:
        out: Tensor = Dropout(0.4, rng=1)(x)
        return out

    grad_check(f, randn((3, 4), rng=2))


def test_results_are_on_the_backend_of_the_input() -> None:
    assert Dropout(0.5, rng=0)(ones((3,), backend=Reference(np.float32))).dtype == np.float32


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan])
def test_invalid_rates_of_the_layer(rate: float) -> None:
    with pytest.raises(ValueError, match=f"Dropout: rate {rate} is not a probability; it must be"):
        Dropout(rate)


def test_dropout_needs_a_tensor() -> None:
    with pytest.raises(TypeError, match=r"Dropout\(0.5\): the input is of type list"):
        Dropout(0.5)([1.0])


def test_dropout_with_relu_is_relu_in_evaluation() -> None:
    layer = Dropout(0.5, rng=1, activation="relu")
    x = tensor([-1.0, 2.0, -3.0, 4.0, 5.0], requires_grad=True)
    out = layer(x)
    assert out.to_numpy().tolist() == [0.0, 4.0, 0.0, 8.0, 0.0]
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.to_numpy().tolist() == [0.0, 2.0, 0.0, 2.0, 0.0]
    layer.eval()
    assert layer(x).to_numpy().tolist() == [0.0, 2.0, 0.0, 4.0, 5.0]
    assert repr(layer) == "Dropout(0.5, activation='relu')"
    with pytest.raises(ValueError, match="activation"):
        Dropout(0.5, activation="tanh")  # type: ignore[arg-type]
