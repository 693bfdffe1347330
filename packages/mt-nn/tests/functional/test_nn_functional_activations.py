"""Activations: values against NumPy, gradients against central differences, and limits."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mt_nn
from mt_autodiff import Tensor, grad_check, randn, tensor
from mt_kernels_cpu import Fast, Tuned
from mt_nn import ELU, GELU, LeakyReLU, SiLU, Softplus, Tanh
from mt_nn.functional import elu, gelu, leaky_relu, silu, softplus
from mt_tensor import Reference

FORMULAS: dict[Callable[..., Tensor], Callable[[Any], Any]] = {
    silu: lambda x: x / (1 + np.exp(-x)),
    softplus: lambda x: np.logaddexp(x, 0),
    elu: lambda x: np.where(x > 0, x, np.expm1(x)),
    leaky_relu: lambda x: np.where(x > 0, x, 0.01 * x),
    gelu: lambda x: x * 0.5 * np.vectorize(math.erfc, [float])(-x / math.sqrt(2)),
}
formulas = pytest.mark.parametrize("function", FORMULAS, ids=lambda f: f.__name__)


@formulas
@given(x=st.floats(-700.0, 700.0))
def test_values_agree_with_numpy(function: Callable[..., Tensor], x: float) -> None:
    received = function(tensor([x])).item()
    # The tail of the normal distribution multiplies the rounding of its argument by the square.
    assert received == pytest.approx(float(FORMULAS[function](np.array(x))), rel=1e-12, abs=1e-300)


@formulas
def test_gradients_of_activations(function: Callable[..., Tensor]) -> None:
    grad_check(function, randn((3, 4), rng=0))


@formulas
@pytest.mark.parametrize("backend", [Fast(np.float32), Tuned(np.float32)], ids=repr)
def test_backends_agree(function: Callable[..., Tensor], backend: Any) -> None:
    numbers = np.linspace(-30.0, 30.0, 61).astype(np.float32)
    x, y = (tensor(numbers, each, requires_grad=True) for each in (backend, Reference()))
    ours, reference = function(x), function(y)
    np.testing.assert_allclose(ours.detach(), reference.detach(), rtol=3e-6, atol=1e-12)
    ours.sum().backward()
    reference.sum().backward()
    np.testing.assert_allclose(x.grad, y.grad, rtol=3e-6, atol=2e-7)


def test_gradients_at_0_and_far_from_it() -> None:
    # The right limit is that of PyTorch.
    for function, expected in (
        (softplus, [0.0, 0.5, 1.0]),
        (leaky_relu, [0.01, 0.01, 1.0]),
        (elu, [0.0, 1.0, 1.0]),
        (silu, [0.0, 0.5, 1.0]),
    ):
        x = tensor([-1e4, 0.0, 1e4], requires_grad=True)
        function(x).sum().backward()
        np.testing.assert_allclose(x.grad, expected, atol=1e-300)


@pytest.mark.parametrize(
    ("layer", "function", "shown"),
    [
        (Tanh(), Tensor.tanh, "Tanh()"),
        (GELU(), gelu, "GELU()"),
        (GELU("tanh"), lambda x: gelu(x, "tanh"), "GELU(approximate='tanh')"),
        (SiLU(), silu, "SiLU()"),
        (Softplus(2.0), lambda x: softplus(x, 2.0), "Softplus(beta=2.0)"),
        (ELU(0.5), lambda x: elu(x, 0.5), "ELU(alpha=0.5)"),
        (LeakyReLU(0.2), lambda x: leaky_relu(x, 0.2), "LeakyReLU(negative_slope=0.2)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_layers_call_their_functions(layer: Any, function: Any, shown: str) -> None:
    x = randn((2, 3), rng=1)
    np.testing.assert_array_equal(layer(x), function(x))
    assert repr(layer) == shown
    with pytest.raises(TypeError, match="the input is of type list"):
        layer([1.0])


def test_settings_of_activations() -> None:
    x = tensor([1.0])
    with pytest.raises(ValueError, match=r"GELU: approximate 'erf' .* use \"none\" or \"tanh\""):
        GELU("erf")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r'gelu: approximate True .* use "none" or "tanh"'):
        x.gelu(True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Softplus: beta 0\.0 must be above 0"):
        Softplus(0.0)
    with pytest.raises(ValueError, match=r"softplus: beta nan must be above 0"):
        softplus(x, math.nan)
    with pytest.raises(TypeError, match="ELU: 'inplace' is no argument of the class; leave it out"):
        mt_nn.ELU(inplace=True)  # type: ignore[call-arg]
